/** A proxy, a PACS behind it, and a study sent through; on loopback, in one process, with nothing left behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, configFrom } from '@radiotracer/config';
import type { ProxyPorts, RunningProxy } from '@radiotracer/proxy';
import { type CtStudyOptions, ctStudy } from './ct-study.ts';
import { type SentInstance, sendStudy } from './lab-modality.ts';
import { type LabPacs, type LabPacsListener, type StoredInstance, startLabPacs } from './lab-pacs.ts';
import { type LabResult, labResult, studyTrace } from './lab-result.ts';
import { type LabSpan, SpanRecord } from './lab-span.ts';
import type { Places } from './lab-text.ts';
import { type OutageResult, outageResult } from './outage-result.ts';

/** What the lab needs of a proxy. */
export type LabProxy = Pick<RunningProxy, 'listeners' | 'drain' | 'flushTelemetry' | 'telemetryStats'>;

export interface LabOptions extends CtStudyOptions {
  /** Of the proxy; 0: any free port. */
  readonly port: number;
  readonly startProxy: (config: Config, ports: Pick<ProxyPorts, 'localExporter'>) => Promise<LabProxy>;
  /** A study was closed that was not the lab's own. */
  readonly onFurtherStudy: (root: LabSpan) => void;
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
  #pacs: LabPacs | undefined;
  #proxy: LabProxy | undefined;
  readonly record = new SpanRecord((root) => this.#studyClosed(root));

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
    this.#folder = await mkdtemp(join(tmpdir(), 'radiotracer-lab-'));
    this.#pacs = await startLabPacs({
      begun: () => this.#follows?.begun(),
      stored: (instance) => this.#follows?.stored(instance),
    });
    const config = configFrom({
      listeners: [{ host, port: this.#options.port }],
      // Nobody wants to wait here as long as in a hospital.
      destinations: { [destination]: { host, port: this.#pacs.port, circuit: { probe: '250ms' }, retry: { initial: '100ms', max: '1s' } } },
      routes: [{ to: destination }],
      spool: { dir: join(this.#folder, 'spool') },
      integrity: { quietPeriod },
      // A study of the lab is told whole, however large.
      telemetry: { maxInstanceSpans: 0 },
      admin: { host, port: 0 },
      log: { level: 'silent' },
    });
    this.#proxy = await this.#options.startProxy(config, { localExporter: this.record });
    const proxyPort = this.#proxy.listeners[0]?.port ?? 0;
    return { modalityTitle, host, proxyPort, pacsPort: this.#pacs.port };
  }

  /** Sends the study and waits until its trace is closed; what goes wrong on the way is in the result. */
  async run(places: Places, onSent: (count: number) => void): Promise<LabResult> {
    const { proxy } = this.#parts();
    const stored = new Map<string, StoredInstance>();
    this.#follows = { begun() {}, stored: (instance) => stored.set(instance.sopInstanceUid, instance) };
    const closed = this.#awaitClose();
    const { sent, error } = await this.#send(places, onSent);
    const root = await this.#closed(proxy, closed, error !== undefined);
    this.#follows = undefined;
    return labResult({
      expected: { slices: this.#options.slices, destination },
      sent,
      stored,
      overhead: (await proxy.telemetryStats()).relayOverhead,
      trace: studyTrace(this.record, root),
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
    const { sent, error } = await this.#send(places, onSent);
    await sleep(outageMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    const goneMs = performance.now() - failedAt;
    const backAt = performance.now();
    if (!this.#stop.signal.aborted) await pacs.recover();
    await Promise.race([all.promise, sleep(longestDeliveryMs, undefined, { signal: this.#stop.signal }).catch(() => {})]);
    const deliveredInMs = performance.now() - backAt;
    const root = await this.#closed(proxy, closed, error !== undefined);
    this.#follows = undefined;
    const happened = { instances, destination, sent, stored, relayed: relayed ?? 0, goneMs, deliveredInMs, error };
    return await this.#told(proxy, () => outageResult({ ...happened, trace: studyTrace(this.record, root) }));
  }

  /** The last delivery is told a moment after the PACS has it, and the study may have been closed before: it belongs to its trace all the same. */
  async #told(proxy: LabProxy, result: () => OutageResult): Promise<OutageResult> {
    const until = performance.now() + longestTellingMs;
    for (;;) {
      await proxy.flushTelemetry();
      const now = result();
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
  ): Promise<{ readonly sent: SentInstance[]; readonly error: string | undefined }> {
    const sent: SentInstance[] = [];
    this.#ownStudies++;
    try {
      await sendStudy({
        host,
        port: places.proxyPort,
        calledAeTitle: 'LABPACS',
        callingAeTitle: modalityTitle,
        instances: ctStudy({ ...this.#options, number: this.#ownStudies }),
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
    else this.#options.onFurtherStudy(root);
  }
}
