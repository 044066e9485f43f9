/** Every file that the configuration names for TLS, as last read; looked at again now and then, so that a new one needs no restart. */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Config, Destination } from '@radiotracer/config';
import type { CertificateExpiry } from '@radiotracer/telemetry';
import { secureContextOptions, type TlsAcceptorOptions, type TlsClient } from '@radiotracer/upper-layer';
import { KeptTlsFiles, TlsFilesError } from './kept-tls-files.ts';
import type { ReadText, TlsFinding } from './read-tls-files.ts';
import { destinationFiles, listenerFiles } from './tls-file-names.ts';

export interface TlsFilesPorts {
  readonly readText: ReadText;
  /** Unix time, ms. */
  readonly now: () => number;
  readonly told: {
    /** Files have changed, and what is in them is used from now on. `expiresAt`: Unix time, ms; undefined: no certificate of ours. */
    readonly renewed: (key: string, expiresAt: number | undefined) => void;
    /** Files have changed, and cannot be used: what was there before is used on. */
    readonly refused: (findings: readonly TlsFinding[]) => void;
    /** Files that can be used and still are worth a word. */
    readonly noticed: (finding: TlsFinding) => void;
  };
}

interface DestinationEntry {
  readonly files: KeptTlsFiles;
  context: SecureContext | undefined;
  /** Unix time, ms, of the certificate that it has last shown. */
  peerExpiresAt: number | undefined;
}

/** From one look to the next. A renewal is known days before it is needed. */
const lookEveryMs = 5000;

export class TlsFiles {
  readonly #config: Pick<Config, 'listeners' | 'destinations'>;
  readonly #ports: TlsFilesPorts;
  readonly #listeners: readonly (KeptTlsFiles | undefined)[];
  readonly #destinations = new Map<string, DestinationEntry>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(config: Pick<Config, 'listeners' | 'destinations'>, ports: TlsFilesPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#listeners = config.listeners.map((listener, index) => {
      const names = listenerFiles(listener, index);
      return names && new KeptTlsFiles(names, ports.readText);
    });
    for (const destination of Object.values(config.destinations)) {
      const names = destinationFiles(destination);
      if (names === undefined) continue;
      const entry: DestinationEntry = { files: new KeptTlsFiles(names, ports.readText), context: undefined, peerExpiresAt: undefined };
      entry.files.onRenewed((renewed) => {
        entry.context = createSecureContext(secureContextOptions(renewed));
      });
      this.#destinations.set(destination.id, entry);
    }
  }

  /** Reads all of them, and goes on looking. @throws TlsFilesError with everything that cannot be used. */
  async open(): Promise<void> {
    const findings = (await Promise.all(this.#all.map((files) => files.open(this.#ports.now())))).flatMap((read) => read.findings);
    const unusable = findings.filter(({ kind }) => kind === 'unusable');
    if (unusable.length > 0) throw new TlsFilesError(unusable.map(({ message }) => message));
    for (const finding of findings) this.#ports.told.noticed(finding);
    this.watch();
  }

  /** Goes on looking, whatever there is now. */
  watch(): void {
    if (this.#all.length > 0) this.#timer = setInterval(() => this.#lookUnlessLooking(), lookEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Undefined: plain TCP. */
  listener(index: number): Omit<TlsAcceptorOptions, 'handshakeMs'> | undefined {
    const { tls } = this.#config.listeners[index] ?? {};
    const files = this.#listeners[index];
    return tls && files && { material: files, clientCertificate: tls.clientCertificate };
  }

  /** Undefined: plain TCP. @throws TlsFilesError when its files were never usable: then it is not to be called at all. */
  client({ id, tls }: Pick<Destination, 'id' | 'tls'>): TlsClient | undefined {
    if (tls === undefined) return undefined;
    const entry = this.#destinations.get(id);
    if (entry?.context === undefined) throw new TlsFilesError([`destinations.${id}.tls: its files cannot be used`]);
    return {
      ...{ context: entry.context, verify: tls.verify, serverName: tls.serverName },
      seen: (expiresAt) => {
        entry.peerExpiresAt = expiresAt;
      },
    };
  }

  /** Of what is known now. `ports`: those that the listeners got, in the order of the configuration. */
  expiries(ports: readonly number[]): readonly CertificateExpiry[] {
    const found: CertificateExpiry[] = [];
    for (const [index, files] of this.#listeners.entries()) {
      const expiresAt = files?.expiresAt;
      if (expiresAt !== undefined) found.push({ listenerPort: ports[index], owner: 'self', expiresAt });
    }
    for (const [destinationId, { files, peerExpiresAt }] of this.#destinations) {
      if (files.expiresAt !== undefined) found.push({ destinationId, owner: 'self', expiresAt: files.expiresAt });
      if (peerExpiresAt !== undefined) found.push({ destinationId, owner: 'peer', expiresAt: peerExpiresAt });
    }
    return found;
  }

  get #all(): readonly KeptTlsFiles[] {
    return [...this.#listeners.filter((files) => files !== undefined), ...[...this.#destinations.values()].map(({ files }) => files)];
  }

  /** One look at a time. */
  #lookUnlessLooking(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.look().finally(() => {
      this.#isLooking = false;
    });
  }

  /** Takes up what has changed. Never rejects. */
  async look(): Promise<void> {
    const { told, now } = this.#ports;
    for (const files of this.#all) {
      const change = await files.look(now());
      if (change === undefined) continue;
      if ('refused' in change) told.refused(change.refused);
      else {
        told.renewed(files.names.key, change.renewed.expiresAt);
        for (const finding of change.renewed.findings) told.noticed(finding);
      }
    }
  }
}
