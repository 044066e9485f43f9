import { type FileHandle, open, rename } from 'node:fs/promises';

/** A JSON object whose last member is a long list: written as it comes, and under its name only when it is whole. */
export class ManifestFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #isFirst = true;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(path: string, head: Readonly<Record<string, unknown>>): Promise<ManifestFile> {
    const file = await open(`${path}.part`, 'wx', 0o600);
    const members = Object.entries(head).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
    await file.write(`{\n${members.join('')}"instances": [`);
    return new ManifestFile(path, file);
  }

  async add(instance: unknown): Promise<void> {
    await this.#file.write(`${this.#isFirst ? '' : ','}\n${JSON.stringify(instance)}`);
    this.#isFirst = false;
  }

  /** With what is known at the end. */
  async finish(tail: Readonly<Record<string, unknown>>): Promise<void> {
    const members = Object.entries(tail).map(([name, value]) => `,\n${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    await this.#file.write(`\n]${members.join('')}\n}\n`);
    await this.#file.datasync();
    await this.#file.close();
    await rename(`${this.#path}.part`, this.#path);
  }

  /** As far as it came, `.part`. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
  }
}
