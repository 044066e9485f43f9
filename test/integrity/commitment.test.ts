import { dirname, join } from 'node:path';
import type { StudyPage } from '@radiotracer/integrity';
import { eventually } from '../fixtures/deadline.ts';
import { type Orthanc, orthanc } from '../fixtures/orthanc.ts';
import { startOtlpReceiver } from '../fixtures/otlp-receiver.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { freePort } from '../fixtures/ports.ts';
import { run } from '../fixtures/processes.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import type { RawConnection, RawMessage } from '../fixtures/raw-connection.ts';
import {
  answeredContexts,
  associateRq,
  element,
  explicitVrLittleEndian,
  implicitVrLittleEndian,
  numberIn,
  roleSelection,
  userItemsOf,
  verification,
} from '../fixtures/raw-pdu.ts';
import { rawScp, success } from '../fixtures/raw-scp.ts';
import { rawAssociate } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import type { GeneratedInstance } from '../fixtures/study-generator.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';
import { pageOf, sendStudy, studyOf } from './studies.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

const storageCommitment = '1.2.840.10008.1.20.1';
const storageCommitmentInstance = '1.2.840.10008.1.20.1.1';
const contexts = [{ id: 1, abstractSyntax: storageCommitment, transferSyntaxes: [explicitVrLittleEndian] }];
const nAction = 0x0130;
const nEventReport = 0x0100;

const uidsOf = (study: readonly GeneratedInstance[]) => study.map(({ sopInstanceUid }) => sopInstanceUid).toSorted();

async function knownOf(proxy: RunningProxy, [{ studyInstanceUid }]: readonly [GeneratedInstance, ...unknown[]]): Promise<StudyPage> {
  const page = await pageOf(proxy, studyInstanceUid);
  if (page === undefined) throw new Error('no such study');
  return page;
}

const placesOf = (page: StudyPage) => page.instances.map(({ uid, at }) => ({ uid, ...at['pacs'] }));
const commitmentOf = (page: StudyPage) => page.study.verify['pacs'];

async function shown({ configFile }: RunningProxy, [{ studyInstanceUid }]: readonly [GeneratedInstance, ...unknown[]]): Promise<string> {
  const main = join(repositoryFolder, 'apps/cli/src/main.ts');
  const args = ['--conditions=@radiotracer/source', main, 'studies', 'show', studyInstanceUid, '--config', configFile];
  return (await run(process.execPath, args)).stdout;
}

async function remove(pacs: Orthanc, uids: readonly string[]): Promise<void> {
  const held = (await pacs.rest('/instances?expand')) as { ID: string; MainDicomTags: { SOPInstanceUID: string } }[];
  for (const { ID, MainDicomTags } of held)
    if (uids.includes(MainDicomTags.SOPInstanceUID))
      expect((await fetch(`http://127.0.0.1:${pacs.httpPort}/instances/${ID}`, { method: 'DELETE' })).status).toBe(200);
}

itWith(
  missingTools('Orthanc', 'storescu'),
  'Orthanc was away: what it got since it commits to keep; what was deleted behind our back it denies, and that is lost',
  async () => {
    const otlp = await startOtlpReceiver();
    stage.defer(() => otlp.close());
    const pacsPort = await freePort();
    const proxy = await startProxy(stage, {
      destinations: {
        pacs: {
          ...{ port: pacsPort, aet: 'ARCHIVE', commit: 'afterBacklog' },
          ...{ retry: { initial: '200ms', max: '1s' }, circuit: { probe: '200ms' } },
        },
      },
      otlp: otlp.url,
      // Studies are open long enough for something to be deleted before anybody asks.
      more: { integrity: { quietPeriod: '15s', verifyDelay: '50ms' } },
    });
    const sound = studyOf(31);
    const lossy = studyOf(32);
    const gone = [lossy[1], lossy[3]].map((instance) => instance?.sopInstanceUid ?? '').sort();
    await sendStudy(stage, proxy.port, sound);
    await sendStudy(stage, proxy.port, lossy);
    const pacs = await orthanc(stage, { aet: 'ARCHIVE', port: pacsPort, modalities: { RADIOTRACER: proxy.port } });
    const isDelivered = async (study: typeof sound) =>
      placesOf(await knownOf(proxy, study)).every(({ forwardedAt }) => forwardedAt !== undefined);
    await eventually('the backlog to be delivered', async () => (await isDelivered(sound)) && (await isDelivered(lossy)), 30_000);
    await remove(pacs, gone);
    expect((await knownOf(proxy, lossy)).study.state).toBe('open');

    const isOver = async (study: typeof sound) => commitmentOf(await knownOf(proxy, study))?.outcome !== undefined;
    await eventually('both to be known', async () => (await isOver(sound)) && (await isOver(lossy)), 60_000);
    const known = await knownOf(proxy, sound);
    expect(commitmentOf(known)).toMatchObject({ outcome: 'confirmed', commitment: { outcome: 'committed', committed: 4 } });
    expect(placesOf(known).filter(({ spooledAt, committedAt }) => spooledAt !== undefined && committedAt !== undefined)).toHaveLength(4);
    expect(await shown(proxy, sound)).toMatch(
      /pacs: 4 acknowledged \(4 by the spool\), 4 forwarded, 4 confirmed \(4 by storage commitment\), 0 lost\n.*\n {4}storage commitment: it keeps 4 safe/,
    );

    await eventually('the loss to be told', async () => (await knownOf(proxy, lossy)).study.loss?.[0]?.lost === 2);
    const denied = await knownOf(proxy, lossy);
    expect(denied.study.loss).toMatchObject([
      { destinationId: 'pacs', acknowledged: 4, forwarded: 4, confirmed: 2, lost: 2, lostUids: gone },
    ]);
    expect(commitmentOf(denied)).toMatchObject({
      outcome: 'lost',
      missing: 2,
      commitment: { outcome: 'missing', committed: 2, rounds: 3 },
    });
    expect(
      placesOf(denied)
        .filter(({ commitFailure }) => commitFailure === 0x0112)
        .map(({ uid }) => uid),
    ).toEqual(gone);
    const text = await shown(proxy, lossy);
    for (const uid of gone) expect(text).toContain(`storage commitment refused  ${uid}  0112, no such object instance`);
    await eventually('it to be in the log', () => proxy.logs().some(({ message }) => message === 'instances are lost'));
    const metrics = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    expect(metrics).toMatch(
      /radiotracer_integrity_checks_total\{radiotracer_integrity_check="commit",radiotracer_integrity_result="missing"\} 3/,
    );
    await proxy.stop();
    const spans = otlp.spans.filter(({ name }) => name === 'commit pacs');
    const results = spans.map(({ attributes }) => attributes['radiotracer.integrity.result']).toSorted();
    expect(results).toEqual(['confirmed', 'missing', 'missing', 'missing']);
    const roots = new Map(otlp.spans.filter(({ name }) => name === 'study').map(({ traceId, spanId }) => [traceId, spanId]));
    for (const { traceId, parentSpanId, kind } of spans) expect([kind, parentSpanId]).toEqual(['CLIENT', roots.get(traceId)]);
    expect(otlp.spans.filter(({ name }) => name === 'verify pacs')).toEqual([]);
  },
  120_000,
);

const report = {
  ...{ [element.affectedSopClassUid]: storageCommitment, [element.affectedSopInstanceUid]: storageCommitmentInstance },
  ...{ [element.commandField]: nEventReport, [element.messageId]: 7, [element.eventTypeId]: 1 },
};
const isAction = ({ command }: RawMessage) => numberIn(command, element.commandField) === nAction;

/** Reports, and gives the status of the response. */
async function reported(connection: RawConnection, dataSet: Buffer): Promise<number | undefined> {
  connection.sendMessage(1, report, dataSet);
  return numberIn((await connection.message()).command, element.status);
}

/** A data set of a Transaction UID alone. */
function transaction(uid: string): Buffer {
  const header = Buffer.from('0800951155490000', 'hex');
  const value = Buffer.from(uid.length % 2 === 0 ? uid : `${uid}\0`, 'latin1');
  header.writeUInt16LE(value.length, 6);
  return Buffer.concat([header, value]);
}

itWith(
  missingTools('storescu'),
  'an archive that reports on the same association, behind its response to the request',
  async () => {
    const statuses: (number | undefined)[] = [];
    const pacs = await rawScp(stage, {
      onMessage: (message, { connection }) => {
        if (numberIn(message.command, element.commandField) === 0x8100) statuses.push(numberIn(message.command, element.status));
        else connection.sendMessage(message.contextId, success(message));
        // It keeps all that it was asked to keep: the report has the form of the request.
        if (isAction(message)) connection.sendMessage(message.contextId, report, message.dataSet);
      },
    });
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port, commit: 'afterBacklog', verify: false } },
      routes: [{ to: 'pacs', mode: 'store-and-forward' }],
      more: { integrity: { quietPeriod: '1s', verifyDelay: '10ms' } },
    });
    const study = studyOf(33);
    await sendStudy(stage, proxy.port, study);
    const page = await eventually(
      'it to be committed',
      async () => {
        const now = await knownOf(proxy, study);
        return commitmentOf(now)?.outcome === 'confirmed' && now;
      },
      30_000,
    );
    expect(
      placesOf(page)
        .filter(({ committedAt }) => committedAt !== undefined)
        .map(({ uid }) => uid)
        .toSorted(),
    ).toEqual(uidsOf(study));
    expect(statuses).toEqual([0]);
    const asked = pacs.associations.filter(({ messages }) => messages.some(isAction));
    expect(asked.map(({ request, over }) => [request.subarray(26, 42).toString('latin1').trim(), over])).toEqual([['RADIOTRACER', 'end']]);
  },
  60_000,
);

itWith(
  missingTools('storescu'),
  'a report to our title is taken, over a restart too, and goes to nobody else; those for modalities go on being relayed',
  async () => {
    const pacs = await rawScp(stage);
    const scanner = await rawScp(stage);
    const options = {
      destinations: { pacs: { port: pacs.port, commit: 'afterBacklog', verify: false }, scanner: { port: scanner.port } },
      routes: [
        { calledAet: 'SCANNER', to: 'scanner' },
        { to: 'pacs', mode: 'store-and-forward' as const },
      ],
      more: { integrity: { quietPeriod: '1s', verifyDelay: '10ms' } },
    };
    const first = await startProxy(stage, options);
    const study = studyOf(34);
    await sendStudy(stage, first.port, study);
    const asked = await eventually('the request', () => pacs.associations.flatMap(({ messages }) => messages).find(isAction), 30_000);
    const isWaiting = async (proxy: RunningProxy) => commitmentOf(await knownOf(proxy, study))?.commitment?.waiting !== undefined;
    await eventually('the report to be waited for', () => isWaiting(first));
    await first.stop();
    const place = { folder: dirname(first.configFile), port: first.port, adminPort: first.adminPort };
    const proxy = await startProxy(stage, { ...options, place });
    const before = [pacs.associations.length, scanner.associations.length];

    const roles = [roleSelection(storageCommitment, 0, 1)];
    const toUs = associateRq({ called: 'RADIOTRACER', calling: 'PACS', contexts, userItems: roles });
    const { connection, answer } = await rawAssociate(stage, proxy.port, toUs);
    expect(answeredContexts(answer).map(({ result }) => result)).toEqual([0]);
    expect(
      userItemsOf(answer)
        .find(({ type }) => type === 0x54)
        ?.value.subarray(-2),
    ).toEqual(Buffer.from([0, 1]));
    // That of somebody else, though nobody else has this title.
    expect(await reported(connection, transaction('2.25.1'))).toBe(0x0110);
    expect(await reported(connection, transaction(''))).toBe(0x0110);
    expect(await reported(connection, asked.dataSet ?? Buffer.alloc(0))).toBe(0);
    await connection.release();
    await eventually('it to be committed', async () => commitmentOf(await knownOf(proxy, study))?.outcome === 'confirmed', 30_000);
    expect(placesOf(await knownOf(proxy, study)).filter(({ committedAt }) => committedAt !== undefined)).toHaveLength(4);
    const echo = await rawAssociate(stage, proxy.port, {
      ...{ called: 'RADIOTRACER', calling: 'PACS' },
      contexts: [{ id: 1, abstractSyntax: verification, transferSyntaxes: [implicitVrLittleEndian] }],
    });
    await echo.connection.release();
    expect([pacs.associations.length, scanner.associations.length]).toEqual(before);

    const toScanner = associateRq({ called: 'SCANNER', calling: 'PACS', contexts, userItems: roles });
    const relayed = await rawAssociate(stage, proxy.port, toScanner);
    expect(await reported(relayed.connection, transaction('1.2.3.4'))).toBe(0);
    await relayed.connection.release();
    const [seen] = scanner.associations;
    expect([seen?.request, seen?.messages[0]?.dataSet]).toEqual([toScanner, transaction('1.2.3.4')]);
    // What was asked for is in the ledger as ours: nothing was ever expected of the modality by it.
    const page = await knownOf(proxy, study);
    expect([page.documents, page.study.reopened, page.study.verdict?.source]).toEqual([[], 0, 'quiet-time']);
  },
  60_000,
);
