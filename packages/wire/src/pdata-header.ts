import { PduType } from './pdu.ts';

/** The bits of the message control header (PS3.8 E.2). */
export const PdvControl = { command: 1, last: 2 } as const;

/**
 * The twelve bytes that open a P-DATA-TF with one PDV whose fragment is `fragmentBytes` long (PS3.8 9.3.5); the fragment follows.
 * `control` is of {@link PdvControl}.
 */
export function pdataHeader(contextId: number, control: number, fragmentBytes: number): Uint8Array {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  view.setUint8(0, PduType.pDataTf);
  view.setUint32(2, fragmentBytes + 6);
  view.setUint32(6, fragmentBytes + 2);
  view.setUint8(10, contextId);
  view.setUint8(11, control);
  return header;
}
