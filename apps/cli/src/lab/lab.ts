/** A proxy, a PACS behind it, and a study sent through; on loopback, in one process, with nothing left behind. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, configFrom } from '@radiotracer/config';
import { studyOfTrace } from '../studies/study-of-trace.ts';
import { type CtStudyOptions, ctStudy, type WithheldSlices, withTwoWithheld } from './ct-study.ts';
import { type SentInstance, sendStudy } from './lab-modality.ts';
import { type LabPacs, type LabPacsListener, type StoredInstance, startLabPacs } from './lab-pacs.ts';
import type { LabProxy, StartLabProxy } from './lab-proxy.ts';
import { type LabResult, labResult, type StudyTrace, tracedSpans } from './lab-result.ts';
import { type LabSpan, SpanRecord } from './lab-span.ts';
import type { Places } from './lab-text.ts';
import { type OutageResult, outageResult } from './outage-result.ts';

export interface LabOptions extends Pick<CtStudyOptions, 'slices' | 'size'> {
  /** Of the proxy; 0: any free port. */
  readonly port: number;
  readonly startProxy: StartLabProxy;
  /** Where a trace can be looked at: `telemetry.links`, by name. */
  readonly links: Readonly<Record<string, string>>;
  /** A study was closed that was not the lab's own. */
  readonly onFurtherStudy: (trace: StudyTrace) => void;
}

const host = '127.0.0.1';
const modalityTitle = 'LABCT';
const destination = 'pacs';

/** Long enough for a study of several associations, short enough to wait for. */
const quietPeriod = '1s';
/** Past it the study is closed by hand. */
const longestQuietMs = 10_000;
/** How long the PACS stays away after the modality has sent all. */
const outageMs = 1_000;
/** Past it what is not in the trace is missing from it. */
const longestTellingMs = 5_000;
/** Past it what has not arrived is missing. */
const longestDeliveryMs = 60_000;

export class Lab {
  readonly #options: LabOptions;
  readonly #stop = new AbortController();
  #starting: Promise<unknown> = Promise.resolve();
  /** Studies of the lab itself that were sent; they are told by their results. */
  #ownStudies = 0;
  #closedStudy: PromiseWithResolvers<LabSpan | undefined> | undefined;
  /** What is followed of the PACS while a study of the lab is on its way. */
  #follows: LabPacsListener | undefined;
  #folder: string | undefined;
  #config: Config | undefined;
  #furtherStudies: Promise<void> = Promise.resolve();
  #pacs: LabPacs | undefined;
  #proxy: LabProxy | undefined;
  readonly #record = new SpanRecord((root) => this.#studyClosed(root));

  constructor(options: LabOptions) {
    this.#options = options;
  }

  /** Rejects with the system's error when a port cannot be had; `stop` cleans up all the same. */
  start(): Promise<Places> {
    const starting = this.#start();
    this.#starting = starting;
    return starting;
  }

  async #start(): Promise<Places> {
    const folder = await mkdtemp(join(tmpdir(), 'radiotracer-lab-'));
    this.#folder = folder;
    const pacs = await startLabPacs({
      begun: () => this.#follows?.begun(),
      stored: (instance) => this.#follows?.stored(instance),
    });
    this.#pacs = pacs;
    const settings = (port: number) => ({
      listeners: [{ host, port }],
      // Nobody wants to wait here as long as in a hospital.
      destinations: { [destination]: { host, port: pacs.port, circuit: { probe: '250ms' }, retry: { initial: '100ms', max: '1s' } } },
      routes: [{ to: destination }],
      spool: { dir: join(folder, 'spool') },
      // This PACS answers no C-FIND.
      integrity: { quietPeriod, verify: false },
      // A study of the lab is told whole, however large.
      telemetry: { maxInstanceSpans: 0, links: this.#options.links },
      admin: { host, port: 0 },
      log: { level: 'silent' },
    });
    this.#config = configFrom(settings(this.#options.port));
    this.#proxy = await this.#options.startProxy(this.#config, { localExporter: this.#record });
    const proxyPort = this.#proxy.listeners[0]?.port ?? 0;
    // For commands beside it. JSON is YAML.
    const configFile = join(folder, 'radiotracer.yaml');
    await writeFile(configFile, JSON.stringify(settings(proxyPort)));
    return { modalityTitle, host, proxyPort, pacsPort: pacs.port, configFile };
  }

  /** Sends the study and waits until its trace is closed; what goes wrong on the way is in the result. */
  run(places: Places, onSent: (count: number) => void): Promise<LabResult> {
    return this.#run(places, onSent, { slices: this.#options.slices, withheld: undefined });
  }

  /** Sends another study, of which the modality keeps two slices back. */
  short(places: Places, onSent: (count: number) => void): Promise<LabResult> {
    return this.#run(places, onSent, withTwoWithheld(this.#options.slices));
  }

  async #run(
    places: Places,
    onSent: (count: number) => void,
    study: { readonly slices: readonly number[]; readonly withheld: WithheldSlices | undefined },
  ): Promise<LabResult> {
    const { proxy } = this.#parts();
    const stored = new Map<string, StoredInstance>();
    this.#follows = { begun() {}, stored: (instance) => stored.set(instance.sopInstanceUid, instance) };
    const closed = this.#awaitClose();
    const { sent, error } = await this.#send(places, onSent, study);
    const root = await this.#closed(proxy, closed, error !== undefined);
    this.#follows = undefined;
    const { slices, withheld } = study;
    return labResult({
      expected: {
        slices: slices.map((count, index) => (withheld?.series === index + 1 ? count - withheld.numbers.length : count)),
        destination,
      },
      withheld,
      sent,
      stored,
      overhead: (await proxy.telemetryStats()).relayOverhead,
      trace: await this.#trace(root),
      error,
    });
  }

  /** Sends another study: a third of the way the PACS dies, in the middle of an instance; when all is sent it comes back. */
  async outage(places: Places, onSent: (count: number) => void): Promise<OutageResult> {
    const { proxy, pacs } = this.#parts();
    const instances = this.#options.slices.reduce((sum, slices) => sum + slices, 0);
    const stored = new Map<string, StoredInstance>();
    const all = Promise.withResolvers<void>();
    let relayed: number | undefined;
    let failedAt = 0;
    this.#follows = {
      begun: () => {
        if (relayed !== undefined || stored.size < Math.floor(instances / 3)) return;
        relayed = stored.size;
        failedAt = performance.now();
        pacs.fail();
      },
      stored: (instance) => {
        stored.set(instance.sopInstanceUid, instance);
        if (stored.size === instances) all.resolve();
      },
    };
    const closed = this.#awaitClose();
    const { sent, error } = await this.#send(places, onSent, { slices: this.#options.slices });
    await sleep(outageMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    const goneMs = performance.now() - failedAt;
    const backAt = performance.now();
    if (!this.#stop.signal.aborted) await pacs.recover();
    await Promise.race([all.promise, sleep(longestDeliveryMs, undefined, { signal: this.#stop.signal }).catch(() => {})]);
    const deliveredInMs = performance.now() - backAt;
    const root = await this.#closed(proxy, closed, error !== undefined);
    this.#follows = undefined;
    const happened = { instances, destination, sent, stored, relayed: relayed ?? 0, goneMs, deliveredInMs, error };
    return await this.#told(proxy, async () => outageResult({ ...happened, trace: await this.#trace(root) }));
  }

  /** The last delivery is told a moment after the PACS has it, and the study may have been closed before: it belongs to its trace all the same. */
  async #told(proxy: LabProxy, result: () => Promise<OutageResult>): Promise<OutageResult> {
    const until = performance.now() + longestTellingMs;
    for (;;) {
      await proxy.flushTelemetry();
      const now = await result();
      if (now.missingFromTrace.length === 0 || performance.now() > until || this.#stop.signal.aborted) return now;
      await sleep(20);
    }
  }

  #parts(): { readonly proxy: LabProxy; readonly pacs: LabPacs } {
    if (this.#proxy === undefined || this.#pacs === undefined) throw new Error('the lab is not started');
    return { proxy: this.#proxy, pacs: this.#pacs };
  }

  async #send(
    places: Places,
    onSent: (count: number) => void,
    study: Pick<CtStudyOptions, 'slices' | 'withheld'>,
  ): Promise<{ readonly sent: SentInstance[]; readonly error: string | undefined }> {
    const sent: SentInstance[] = [];
    this.#ownStudies++;
    try {
      await sendStudy({
        host,
        port: places.proxyPort,
        calledAeTitle: 'LABPACS',
        callingAeTitle: modalityTitle,
        instances: ctStudy({ ...study, size: this.#options.size, number: this.#ownStudies }),
        onSent: (instance) => onSent(sent.push(instance)),
        signal: this.#stop.signal,
      });
      return { sent, error: undefined };
    } catch (cause) {
      return { sent, error: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  /** Once, ends everything at once, also what is still starting; a `run` on its way ends soon. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#closedStudy?.resolve(undefined);
    await this.#starting.catch(() => {});
    await this.#proxy?.drain(0);
    await this.#furtherStudies;
    await this.#pacs?.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  #awaitClose(): Promise<LabSpan | undefined> {
    this.#closedStudy = Promise.withResolvers();
    return this.#closedStudy.promise;
  }

  /** The root of the study's trace, when it has been quiet; at once when nothing more can come. */
  async #closed(proxy: LabProxy, closed: Promise<LabSpan | undefined>, atOnce: boolean): Promise<LabSpan | undefined> {
    const given = new AbortController();
    const late = sleep(atOnce ? 0 : longestQuietMs, undefined, { signal: given.signal }).then(() => proxy.flushTelemetry());
    const root = await Promise.race([closed, late.then(() => undefined)]);
    given.abort();
    late.catch(() => {});
    this.#closedStudy = undefined;
    return root;
  }

  #studyClosed(root: LabSpan): void {
    if (this.#closedStudy !== undefined && root.attributes['dicom.calling_ae.title'] === modalityTitle) this.#closedStudy.resolve(root);
    else this.#furtherStudies = this.#furtherStudies.then(async () => this.#options.onFurtherStudy(await this.#trace(root)));
  }

  /** What was seen of a study, and what the ledger knows of it; without the ledger the trace is told all the same, and the lab is not content. */
  async #trace(root: LabSpan | undefined): Promise<StudyTrace> {
    const config = this.#config;
    const study = root === undefined || config === undefined ? undefined : await studyOfTrace(config, root.traceId).catch(() => undefined);
    return { ...tracedSpans(this.#record, root), study };
  }
}
