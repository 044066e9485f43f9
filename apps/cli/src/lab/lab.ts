/** A proxy, a PACS behind it, and a study sent through; on loopback, in one process, with nothing left behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, configFrom } from '@radiotracer/config';
import type { ProxyPorts, RunningProxy } from '@radiotracer/proxy';
import { type CtStudyOptions, ctStudy } from './ct-study.ts';
import { type SentInstance, sendStudy } from './lab-modality.ts';
import { type LabPacs, type StoredInstance, startLabPacs } from './lab-pacs.ts';
import { type LabResult, labResult, studyTrace } from './lab-result.ts';
import { type LabSpan, SpanRecord } from './lab-span.ts';
import type { Places } from './lab-text.ts';

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

export class Lab {
  readonly #options: LabOptions;
  readonly #own = Promise.withResolvers<LabSpan | undefined>();
  readonly #stored = new Map<string, StoredInstance>();
  readonly #stop = new AbortController();
  #starting: Promise<unknown> = Promise.resolve();
  #ownIsTold = false;
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
    this.#pacs = await startLabPacs((instance) => {
      if (!this.#ownIsTold) this.#stored.set(instance.sopInstanceUid, instance);
    });
    const config = configFrom({
      listeners: [{ host, port: this.#options.port }],
      destinations: { [destination]: { host, port: this.#pacs.port } },
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
    const proxy = this.#proxy;
    if (proxy === undefined) throw new Error('the lab is not started');
    const sent: SentInstance[] = [];
    let error: string | undefined;
    try {
      await sendStudy({
        host,
        port: places.proxyPort,
        calledAeTitle: 'LABPACS',
        callingAeTitle: modalityTitle,
        instances: ctStudy(this.#options),
        onSent: (instance) => onSent(sent.push(instance)),
        signal: this.#stop.signal,
      });
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
    }
    const root = await this.#closed(proxy, error !== undefined);
    const result = labResult({
      expected: { slices: this.#options.slices, destination },
      sent,
      stored: this.#stored,
      overhead: proxy.telemetryStats().relayOverhead,
      trace: studyTrace(this.record, root),
      error,
    });
    this.#ownIsTold = true;
    this.#stored.clear();
    return result;
  }

  /** Once, ends everything at once, also what is still starting; a `run` on its way ends soon. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#own.resolve(undefined);
    await this.#starting.catch(() => {});
    await this.#proxy?.drain(0);
    await this.#pacs?.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  /** The root of the study's trace, when it has been quiet; at once when nothing more can come. */
  async #closed(proxy: LabProxy, atOnce: boolean): Promise<LabSpan | undefined> {
    const given = new AbortController();
    const late = sleep(atOnce ? 0 : longestQuietMs, undefined, { signal: given.signal }).then(() => proxy.flushTelemetry());
    const root = await Promise.race([this.#own.promise, late.then(() => undefined)]);
    given.abort();
    late.catch(() => {});
    return root;
  }

  #studyClosed(root: LabSpan): void {
    if (!this.#ownIsTold && root.attributes['dicom.calling_ae.title'] === modalityTitle) this.#own.resolve(root);
    else this.#options.onFurtherStudy(root);
  }
}
