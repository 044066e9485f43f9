/** Command Field (0000,0100), PS3.7 annex E.1. A response is its request with bit 15 set. */
export const CommandField = {
  cStoreRq: 0x0001,
  cStoreRsp: 0x8001,
  cGetRq: 0x0010,
  cGetRsp: 0x8010,
  cFindRq: 0x0020,
  cFindRsp: 0x8020,
  cMoveRq: 0x0021,
  cMoveRsp: 0x8021,
  cEchoRq: 0x0030,
  cEchoRsp: 0x8030,
  nEventReportRq: 0x0100,
  nEventReportRsp: 0x8100,
  nGetRq: 0x0110,
  nGetRsp: 0x8110,
  nSetRq: 0x0120,
  nSetRsp: 0x8120,
  nActionRq: 0x0130,
  nActionRsp: 0x8130,
  nCreateRq: 0x0140,
  nCreateRsp: 0x8140,
  nDeleteRq: 0x0150,
  nDeleteRsp: 0x8150,
  cCancelRq: 0x0fff,
} as const;

const names: ReadonlyMap<number, string> = new Map([
  [CommandField.cStoreRq, 'C-STORE'],
  [CommandField.cGetRq, 'C-GET'],
  [CommandField.cFindRq, 'C-FIND'],
  [CommandField.cMoveRq, 'C-MOVE'],
  [CommandField.cEchoRq, 'C-ECHO'],
  [CommandField.nEventReportRq, 'N-EVENT-REPORT'],
  [CommandField.nGetRq, 'N-GET'],
  [CommandField.nSetRq, 'N-SET'],
  [CommandField.nActionRq, 'N-ACTION'],
  [CommandField.nCreateRq, 'N-CREATE'],
  [CommandField.nDeleteRq, 'N-DELETE'],
  [CommandField.cCancelRq, 'C-CANCEL'],
]);

/** The DIMSE service of a request or response, as PS3.7 writes it; undefined where the standard has none. */
export function commandName(field: number): string | undefined {
  const cancelResponse = CommandField.cCancelRq | 0x8000;
  return field === cancelResponse ? undefined : names.get(field & 0x7fff);
}
