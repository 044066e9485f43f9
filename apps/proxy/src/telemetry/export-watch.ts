/** Says when exports of a signal begin to fail, and when they work again: once each. Why is not said: an exporter's message may quote what
 * it was to send. */
export class ExportWatch {
  readonly #onChange: (state: 'failing' | 'working') => void;
  #isFailing = false;

  constructor(onChange: (state: 'failing' | 'working') => void) {
    this.#onChange = onChange;
  }

  ended(failed: boolean): void {
    if (failed === this.#isFailing) return;
    this.#isFailing = failed;
    this.#onChange(failed ? 'failing' : 'working');
  }
}
