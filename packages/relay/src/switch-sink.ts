import { ignoreData, type PdataSink } from '@radiotracer/upper-layer';

/** Data goes on to whoever has it now; that may change anywhere, also inside a fragment. */
export class SwitchSink implements PdataSink {
  to: PdataSink = ignoreData;

  pdata(buffer: Uint8Array, start: number, end: number, lengthBytes: number): void {
    this.to.pdata(buffer, start, end, lengthBytes);
  }

  pdv(
    buffer: Uint8Array,
    start: number,
    end: number,
    contextId: number,
    control: number,
    fragmentBytes: number,
    remainingBytes: number,
  ): void {
    this.to.pdv(buffer, start, end, contextId, control, fragmentBytes, remainingBytes);
  }

  fragment(buffer: Uint8Array, start: number, end: number): void {
    this.to.fragment(buffer, start, end);
  }

  pdvEnd(): void {
    this.to.pdvEnd();
  }

  pdataEnd(): void {
    this.to.pdataEnd();
  }

  flush(): void {
    this.to.flush();
  }
}
