import type { Missing } from '../fixtures/tools.ts';

/** Steps one after the other, each a line, and at the end `N passed, N failed, N skipped`. */
export class Steps {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  async step(name: string, missing: Missing | readonly Missing[], body: () => Promise<void>): Promise<void> {
    const reasons = [missing].flat().filter((reason) => reason !== undefined);
    if (reasons.length > 0) {
      this.skip(name, reasons.join('; '));
      return;
    }
    try {
      await body();
      this.#passed += 1;
      console.log(`ok    ${name}`);
    } catch (error) {
      this.#failed += 1;
      console.log(`FAIL  ${name}\n${indented(error instanceof Error ? (error.stack ?? error.message) : String(error))}`);
    }
  }

  skip(name: string, reason: string): void {
    this.#skipped += 1;
    console.log(`skip  ${name} [${reason}]`);
  }

  /** More about a step, below its line. */
  say(text: string): void {
    console.log(indented(text));
  }

  end(): void {
    console.log(`${this.#passed} passed, ${this.#failed} failed, ${this.#skipped} skipped`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '      ');
}
