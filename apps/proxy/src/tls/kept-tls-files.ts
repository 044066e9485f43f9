import type { Renewable, TlsMaterial } from '@radiotracer/upper-layer';
import { codeOf, type ReadText, readTlsFiles, type TlsFileNames, type TlsFilesRead, type TlsFinding } from './read-tls-files.ts';

/** What came of a look at files that may have changed; undefined: nothing. */
export type TlsChange = { readonly renewed: TlsFilesRead } | { readonly refused: readonly TlsFinding[] } | undefined;

/** What lies in the files now, or why that cannot be read. */
type Contents = ReadonlyMap<string, { readonly text: string } | { readonly code: string }>;

/** The files of one listener or destination as they were last usable. */
export class KeptTlsFiles implements Renewable<TlsMaterial> {
  readonly names: TlsFileNames;
  readonly #readText: ReadText;
  readonly #listeners: ((renewed: TlsMaterial) => void)[] = [];
  #current: TlsMaterial | undefined;
  #expiresAt: number | undefined;
  /** What lay in them at the last look, usable or not. */
  #seen = '';
  /** What is wrong with that, while it has not been told. */
  #untold: readonly TlsFinding[] | undefined;

  constructor(names: TlsFileNames, readText: ReadText) {
    this.names = names;
    this.#readText = readText;
  }

  /** @throws TlsFilesError when they were never usable */
  get current(): TlsMaterial {
    if (this.#current === undefined) throw new TlsFilesError([`${this.names.key}: its files cannot be used`]);
    return this.#current;
  }

  /** Unix time, ms; undefined: no certificate of ours. */
  get expiresAt(): number | undefined {
    return this.#expiresAt;
  }

  onRenewed(call: (renewed: TlsMaterial) => void): void {
    this.#listeners.push(call);
  }

  /** The first time: takes what is there, if it can be used. */
  async open(now: number): Promise<TlsFilesRead> {
    const contents = await this.#contents();
    this.#seen = JSON.stringify([...contents]);
    const read = await readTlsFiles(this.names, readerOf(contents), now);
    this.#take(read);
    return read;
  }

  /**
   * Takes up what has changed, if it can be used; else what is there stays. Files that are found broken are told at the next look, if they still
   * are: who replaces a certificate and its key does it one after the other.
   */
  async look(now: number): Promise<TlsChange> {
    const contents = await this.#contents();
    const seen = JSON.stringify([...contents]);
    const refused = this.#untold;
    this.#untold = undefined;
    if (seen === this.#seen) return refused && { refused };
    this.#seen = seen;
    const read = await readTlsFiles(this.names, readerOf(contents), now);
    if (read.material === undefined) {
      this.#untold = read.findings;
      return undefined;
    }
    if (JSON.stringify(read.material) === JSON.stringify(this.#current)) return undefined;
    this.#take(read);
    return { renewed: read };
  }

  async #contents(): Promise<Contents> {
    const contents = new Map<string, { readonly text: string } | { readonly code: string }>();
    // One file at a time: they may lie on a volume that hangs.
    for (const file of Object.values(this.names.files)) {
      if (file === undefined) continue;
      contents.set(
        file,
        await this.#readText(file).then(
          (text) => ({ text }),
          (error: unknown) => ({ code: codeOf(error) }),
        ),
      );
    }
    return contents;
  }

  #take({ material, expiresAt }: TlsFilesRead): void {
    if (material === undefined) return;
    this.#current = material;
    this.#expiresAt = expiresAt;
    for (const call of this.#listeners) call(material);
  }
}

function readerOf(contents: Contents): ReadText {
  return async (file) => {
    const found = contents.get(file) ?? { code: 'ENOENT' };
    if ('code' in found) throw Object.assign(new Error(found.code), { code: found.code });
    return found.text;
  };
}

/** Files that are needed for TLS cannot be used; what is wrong with each is in the message. */
export class TlsFilesError extends Error {
  override readonly name = 'TlsFilesError';
  readonly code = 'tls_files';
  readonly errorType = 'tls_files';

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
  }
}
