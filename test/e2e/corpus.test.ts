/**
 * Promise 2, data sets: byte for byte, any SOP class, any transfer syntax. Every file of the shared data goes through twice: by
 * DCMTK's storescu to DCMTK's storescp, and, DCMTK aside, as the very bytes of the file between two scripted peers.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CorpusFile, corpus } from '../fixtures/corpus.ts';
import { associationProfile, type ProfileContext, type StoreScp, storescp, storescu } from '../fixtures/dcmtk.ts';
import { type Part10, readPart10 } from '../fixtures/part10.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { associateRq, command, element, inPData, releaseRq } from '../fixtures/raw-pdu.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { describeWith, missingData, missingTools } from '../fixtures/tools.ts';

interface Row {
  files: number;
  dcmtkSent: number;
  dcmtkEqual: number;
  /** Reason of DCMTK's, and the files. */
  readonly notSent: Map<string, string[]>;
  rawSent: number;
  rawEqual: number;
}

const table = new Map<string, Row>();
const stage = new Stage();

function row(transferSyntaxUid: string): Row {
  const key = transferSyntaxUid === '' ? '(none: no file meta group)' : transferSyntaxUid;
  const found = table.get(key) ?? { files: 0, dcmtkSent: 0, dcmtkEqual: 0, notSent: new Map(), rawSent: 0, rawEqual: 0 };
  table.set(key, found);
  return found;
}

/** Files that share no SOP Instance UID: storescp names what it stores by it. */
function layersOf(files: readonly CorpusFile[]): CorpusFile[][] {
  const layers: { readonly files: CorpusFile[]; readonly uids: Set<string> }[] = [];
  for (const file of files) {
    let layer = layers.find((candidate) => !candidate.uids.has(file.sopInstanceUid));
    if (layer === undefined) {
      layer = { files: [], uids: new Set() };
      layers.push(layer);
    }
    layer.files.push(file);
    layer.uids.add(file.sopInstanceUid);
  }
  return layers.map((layer) => layer.files);
}

function contextsFor(files: readonly CorpusFile[]): ProfileContext[] {
  return [...Map.groupBy(files, (file) => file.sopClassUid)].map(([sopClassUid, ofClass]) => ({
    sopClassUid,
    transferSyntaxUids: [...new Set(ofClass.map((file) => file.transferSyntaxUid))],
  }));
}

/** What storescu said about a file that it did not bring across. */
function reason(output: string, path: string): string {
  const lines = output.split('\n');
  const start = lines.findIndex((line) => line.includes(`Sending file: ${path}`));
  const next = lines.findIndex((line, index) => index > start && line.includes('Sending file: '));
  const about = lines.slice(Math.max(start, 0), next === -1 ? undefined : next).filter((line) => line.startsWith('E: '));
  return (
    about
      .map((line) => line.slice(3).replaceAll(path, '').replace(/: *$/, '').replace(': :', ':').trim())
      .filter((line) => !line.startsWith('Store Failed'))
      .at(-1) ?? 'no word'
  );
}

/** Sends the files of one layer, one association for each transfer syntax. Gives what storescu said, by file name. */
async function send(folder: string, port: number, called: string, files: readonly CorpusFile[]): Promise<Map<string, string>> {
  const said = new Map<string, string>();
  for (const [transferSyntaxUid, batch] of Map.groupBy(files, (file) => file.transferSyntaxUid)) {
    const profile = join(folder, `${called}-${transferSyntaxUid}.cfg`);
    await writeFile(profile, associationProfile(contextsFor(batch)));
    const sent = await storescu(
      { port, called, args: ['-nh', '-v', '-xf', profile, 'Profile'] },
      batch.map((file) => file.path),
    );
    for (const file of batch) said.set(file.name, sent.output);
  }
  return said;
}

function printTable(): void {
  const lines = [...table]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([transferSyntax, { notSent, ...counts }]) => [
      transferSyntax,
      ...[counts.files, counts.dcmtkSent, counts.dcmtkEqual, counts.rawSent, counts.rawEqual].map(String),
      [...notSent].map(([why, names]) => `${names.length}: ${why}`).join('; '),
    ]);
  const head = ['transfer syntax', 'files', 'storescu sent', 'equal', 'raw sent', 'equal', 'not by storescu, and why'];
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => (line[column] ?? '').length)));
  const format = (line: readonly string[]) =>
    line
      .map((cell, column) => (column === 0 || column === 6 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  process.stdout.write(`\nThe corpus through the proxy\n${[head, ...lines].map(format).join('\n')}\n\n`);
}

afterEach(() => stage.clear(), 60_000);
afterAll(printTable);

describeWith([missingData(), missingTools('storescu', 'storescp')], 'storescu → radiotracer → storescp', () => {
  it('brings every file that DCMTK can send, in its own transfer syntax, as the bytes that arrive without the proxy', async () => {
    const files = corpus();
    for (const file of files) row(file.transferSyntaxUid).files += 1;
    const sendable = files.filter((file) => file.sopClassUid !== '' && file.transferSyntaxUid !== '');
    for (const file of files) if (!sendable.includes(file)) note(file, 'nothing to propose (DICOMDIR, or without identity)');

    const layers = layersOf(sendable);
    const folder = await stage.folder('corpus');
    const behind: StoreScp[] = [];
    const direct: StoreScp[] = [];
    for (const layer of layers) {
      behind.push(await storescp(stage, { profile: contextsFor(layer) }));
      direct.push(await storescp(stage, { profile: contextsFor(layer) }));
    }
    const proxy = await startProxy(stage, {
      destinations: Object.fromEntries(behind.map((scp, index) => [`layer${index}`, { port: scp.port }])),
      routes: behind.map((_, index) => ({ calledAet: `LAYER${index}`, to: `layer${index}` })),
    });

    const different: string[] = [];
    await Promise.all(
      layers.map(async (layer, index) => {
        const alone = direct[index];
        const proxied = behind[index];
        if (alone === undefined || proxied === undefined) throw new Error('no storescp');
        await send(folder, alone.port, `LAYER${index}`, layer);
        const said = await send(folder, proxy.port, `LAYER${index}`, layer);
        const expected = await alone.stored();
        const arrived = await proxied.stored();
        for (const file of layer) {
          const sent = expected.get(file.sopInstanceUid);
          const got = arrived.get(file.sopInstanceUid);
          if (sent !== undefined) row(file.transferSyntaxUid).dcmtkSent += 1;
          else note(file, reason(said.get(file.name) ?? '', file.path));
          if (isSame(sent, got)) row(file.transferSyntaxUid).dcmtkEqual += sent === undefined ? 0 : 1;
          else
            different.push(
              `${file.name}: ${got === undefined ? 'did not arrive' : sent === undefined ? 'arrives only here' : 'other bytes'}`,
            );
        }
      }),
    );
    expect(different).toEqual([]);
    // The table must not be empty of what DCMTK is known to send: all but a handful.
    const sent = [...table.values()].reduce((sum, line) => sum + line.dcmtkSent, 0);
    expect(sent).toBeGreaterThan(430);
  }, 120_000);
});

function note(file: CorpusFile, why: string): void {
  const { notSent } = row(file.transferSyntaxUid);
  notSent.set(why, [...(notSent.get(why) ?? []), file.name]);
}

function isSame(one: Part10 | undefined, other: Part10 | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.transferSyntaxUid === other.transferSyntaxUid && one.sopClassUid === other.sopClassUid && one.dataSet.equals(other.dataSet);
}

/** Transfer syntaxes and classes that no table has, beside those of the file. */
const privateTransferSyntax = '1.2.826.0.1.3680043.9.9999.1.1';
const privateSopClass = '2.25.330000000000000000000000000000000001';

describeWith(missingData(), 'a scripted SCU → radiotracer → a scripted SCP', () => {
  it('brings every file, broken ones and unknown transfer syntaxes too, in the very PDUs that were sent', async () => {
    const acceptor = await rawScp(stage, { maxPduBytes: 32_768 });
    const proxy = await startProxy(stage, { destinations: { pacs: { port: acceptor.port } } });
    const groups = [...Map.groupBy(corpus(), (file) => file.transferSyntaxUid)];
    const different: string[] = [];
    for (const [transferSyntaxUid, files] of groups) {
      const classes = [...new Set(files.map((file) => file.sopClassUid || privateSopClass))];
      const request = associateRq({
        contexts: classes.map((abstractSyntax, index) => ({
          id: index * 2 + 1,
          abstractSyntax,
          transferSyntaxes: [transferSyntaxUid || privateTransferSyntax],
        })),
      });
      const before = acceptor.associations.length;
      const { connection } = await rawAssociate(stage, proxy.port, request);
      const seen = await acceptor.association(before);
      const sentPdus: Buffer[] = [];
      for (const [index, file] of files.entries()) {
        const bytes = await readFile(file.path);
        const dataSet = readPart10(bytes)?.dataSet ?? bytes;
        const contextId = classes.indexOf(file.sopClassUid || privateSopClass) * 2 + 1;
        const pdus = [
          ...inPData(
            contextId,
            command({
              [element.affectedSopClassUid]: file.sopClassUid || privateSopClass,
              [element.commandField]: 0x0001,
              [element.messageId]: index + 1,
              [element.priority]: 0,
              [element.dataSetType]: 1,
              [element.affectedSopInstanceUid]: file.sopInstanceUid || `2.25.${index + 1}`,
            }),
            true,
            connection.peerMaxPduBytes,
          ),
          ...inPData(contextId, dataSet, false, connection.peerMaxPduBytes),
        ];
        connection.send(...pdus);
        sentPdus.push(...pdus);
        row(transferSyntaxUid).rawSent += 1;
        await connection.message();
        const arrived = seen.messages.at(-1)?.dataSet;
        if (arrived?.equals(dataSet)) row(transferSyntaxUid).rawEqual += 1;
        else different.push(file.name);
      }
      await connection.release();
      expect(Buffer.compare(seen.request, request)).toBe(0);
      expect(Buffer.compare(Buffer.concat(seen.connection.arrived), Buffer.concat([request, ...sentPdus, releaseRq]))).toBe(0);
    }
    expect(different).toEqual([]);
    expect([...table.values()].reduce((sum, line) => sum + line.rawEqual, 0)).toBe(corpus().length);
  }, 120_000);
});
