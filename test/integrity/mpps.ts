/** MPPS as a scanner sends it (PS3.4 F.7), in Implicit VR Little Endian. */
import type { RawConnection } from '../fixtures/raw-connection.ts';
import { element, numberIn } from '../fixtures/raw-pdu.ts';

export const mppsSopClass = '1.2.840.10008.3.1.2.3.3';

export interface NamedSeries {
  readonly uid: string;
  readonly sopClassUid: string;
  readonly instances: readonly string[];
}

function item(tag: readonly [number, number], value: string | readonly Buffer[]): Buffer {
  const padding = typeof value === 'string' && value.length % 2 === 1 ? '\0' : '';
  const body = typeof value === 'string' ? Buffer.from(value + padding, 'latin1') : Buffer.concat(value);
  const header = Buffer.alloc(8);
  header.writeUInt16LE(tag[0], 0);
  header.writeUInt16LE(tag[1], 2);
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body]);
}

const sequenceItem = (...elements: readonly Buffer[]): Buffer => item([0xfffe, 0xe000], elements);

/** N-CREATE, of a step of the study; gives the response's status. */
export function createStep(
  connection: RawConnection,
  contextId: number,
  stepUid: string,
  studyUid: string,
  accessionNumber = '',
): Promise<number> {
  const dataSet = Buffer.concat([
    item([0x0040, 0x0252], 'IN PROGRESS '),
    item([0x0040, 0x0270], [sequenceItem(item([0x0008, 0x0050], accessionNumber.padEnd(16)), item([0x0020, 0x000d], studyUid))]),
    item([0x0040, 0x0340], []),
  ]);
  const fields = { [element.affectedSopClassUid]: mppsSopClass, [element.affectedSopInstanceUid]: stepUid };
  return send(connection, contextId, { ...fields, [element.commandField]: 0x0140, [element.messageId]: 901 }, dataSet);
}

/** N-SET, completed with these; gives the response's status. */
export function completeStep(
  connection: RawConnection,
  contextId: number,
  stepUid: string,
  series: readonly NamedSeries[],
): Promise<number> {
  const items = series.map(({ uid, sopClassUid, instances }) =>
    sequenceItem(
      item(
        [0x0008, 0x1140],
        instances.map((instance) => sequenceItem(item([0x0008, 0x1150], sopClassUid), item([0x0008, 0x1155], instance))),
      ),
      item([0x0020, 0x000e], uid),
    ),
  );
  const dataSet = Buffer.concat([item([0x0040, 0x0252], 'COMPLETED '), item([0x0040, 0x0340], items)]);
  const fields = { [element.requestedSopClassUid]: mppsSopClass, [element.requestedSopInstanceUid]: stepUid };
  return send(connection, contextId, { ...fields, [element.commandField]: 0x0120, [element.messageId]: 902 }, dataSet);
}

async function send(
  connection: RawConnection,
  contextId: number,
  command: Readonly<Record<number, number | string>>,
  dataSet: Buffer,
): Promise<number> {
  connection.sendMessage(contextId, command, dataSet);
  return numberIn((await connection.message()).command, element.status) ?? -1;
}
