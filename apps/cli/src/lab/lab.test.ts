import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ctStudy } from './ct-study.ts';
import { sendStudy } from './lab-modality.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'radiotracer-lab-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Span {
  readonly name: string;
  readonly kind: string;
}
type Event = Readonly<Record<string, unknown>>;

/** The real process, without the NODE_OPTIONS of the test runner, its temporary files in a folder of this test. */
const lab = (...args: readonly string[]) => cli('lab', ...args);

function cli(...args: readonly string[]) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(OTEL_|RADIOTRACER_|NODE_OPTIONS)/.test(key)));
  const child = spawn(process.execPath, ['--conditions=@radiotracer/source', main, ...args], {
    env: { ...env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const printed: string[] = [];
  const waiting: (() => void)[] = [];
  createInterface(child.stdout).on('line', (line) => {
    printed.push(line);
    for (const wake of waiting.splice(0)) wake();
  });
  const ended = once(child, 'close').then(async ([code]) => {
    for (const wake of waiting.splice(0)) wake();
    return { code: code as number | null, errors, left: await readdir(folder) };
  });
  return {
    child,
    ended,
    printed,
    /** The first line of JSON for such an event. */
    event: async (name: string): Promise<Event> => {
      for (;;) {
        const found = printed.map((line) => JSON.parse(line) as Event).find(({ event }) => event === name);
        if (found !== undefined) return found;
        if (child.exitCode !== null) throw new Error(`it ended before "${name}": ${errors}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

const clean = { code: 0, errors: '', left: [] };

function countedSpans(spans: unknown): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name, kind } of spans as readonly Span[]) counts[`${name} ${kind}`] = (counts[`${name} ${kind}`] ?? 0) + 1;
  return counts;
}

test('the whole lab, into a pipe: everything arrives, the trace is whole, it ends by itself and leaves nothing behind', async () => {
  const { ended, event } = lab('--json');
  expect(await event('study')).toMatchObject({
    ok: true,
    error: null,
    sent: { instances: 36, of: 36, slices: [24, 12], failed: 0 },
    arrived: { equal: 36, different: 0, missing: 0 },
    relayOverhead: { request: { count: 36 }, response: { count: 36 } },
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    missingFromTrace: [],
    ledger: { state: 'complete', source: 'images-in-acquisition', received: 36, missing: 0 },
  });
  const { spans, associations } = await event('study');
  expect(countedSpans(spans)).toEqual({ 'study INTERNAL': 1, 'series CT INTERNAL': 2, 'C-STORE SERVER': 36, 'C-STORE pacs CLIENT': 36 });
  expect(countedSpans(associations)).toEqual({ 'association SERVER': 1, 'association pacs CLIENT': 1 });
  const short = await event('short-study');
  expect(short).toMatchObject({
    ok: true,
    sent: { instances: 34, of: 34, slices: [22, 12], withheld: { series: 1, numbers: [7, 19] } },
    arrived: { equal: 34, different: 0, missing: 0 },
    missingFromTrace: [],
    ledger: {
      accessionNumbers: ['LAB-2'],
      state: 'short',
      verdict: {
        missing: { count: 2, numbers: [7, 19] },
        evidence: [{ source: 'images-in-acquisition', agreeing: 'instance-numbers', confidence: 'medium', expected: 24, received: 22 }, {}],
      },
    },
  });
  const outage = await event('outage');
  expect(outage).toMatchObject({
    ok: true,
    error: null,
    sent: { instances: 36, of: 36, failed: 0 },
    relayed: 12,
    arrived: { equal: 36, different: 0, missing: 0 },
    missingFromTrace: [],
    ledger: { state: 'complete', received: 36, missing: 0, destinations: [{ acknowledged: 36, forwarded: 36 }] },
  });
  // The ids that the command line computes are those that were exported.
  for (const { traceId, trace } of [await event('study'), short, outage])
    expect(trace).toMatchObject({ traceId, links: { jaeger: `http://localhost:16686/trace/${traceId}` } });
  expect(outage['traceId']).not.toBe((await event('study'))['traceId']);
  expect(await ended).toEqual(clean);
}, 60_000);

test('staying: further studies are told, and SIGINT ends it clean', async () => {
  const { child, ended, event } = lab(
    '--json',
    '--stay',
    '--no-short',
    '--no-outage',
    '--slices',
    '2',
    '--size',
    '16',
    '--trace-link',
    'http://j/{traceId}',
  );
  const { proxy, config } = (await event('ready')) as unknown as { proxy: { host: string; port: number }; config: string };
  expect(await event('study')).toMatchObject({ ok: true, arrived: { equal: 2 } });
  const statuses: number[] = [];
  await sendStudy({
    ...proxy,
    calledAeTitle: 'ANYTHING',
    callingAeTitle: 'SOMEBODY',
    instances: ctStudy({ slices: [3, 1], size: 32 }),
    onSent: ({ status }) => statuses.push(status),
    signal: new AbortController().signal,
  });
  expect(statuses).toEqual([0, 0, 0, 0]);
  expect(countedSpans((await event('further-study'))['spans'])).toMatchObject({
    'study INTERNAL': 1,
    'series CT INTERNAL': 2,
    'C-STORE SERVER': 4,
  });
  // From another terminal, with the lab's configuration file.
  const { traceId, ledger, trace } = await event('further-study');
  const [studyUid, links] = [(ledger as Event)['studyInstanceUid'], { jaeger: `http://j/${traceId}` }];
  expect([ledger, trace]).toMatchObject([
    { callingAets: ['SOMEBODY'], received: 4 },
    { studyInstanceUid: studyUid, traceId, links },
  ]);
  const beside = cli('trace', String(studyUid), '--json', '--config', config);
  expect(await beside.ended).toMatchObject({ code: 0, errors: '' });
  expect(JSON.parse(beside.printed.join('\n'))).toEqual({ studies: [trace], more: 0, note: null });
  child.kill('SIGINT');
  expect(await ended).toEqual(clean);
}, 30_000);

test('stopped in the middle: it says so, with code 1, and leaves nothing behind', async () => {
  const { child, ended, event } = lab('--json', '--slices', '5000', '--size', '512');
  await event('ready');
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 1, errors: 'stopped before the study was through\n', left: [] });
}, 30_000);

test('for a person: what matters, in plain text, without a control character', async () => {
  const { ended, printed } = lab('--slices', '5', '--size', '16');
  expect(await ended).toEqual(clean);
  const text = printed.join('\n');
  expect(text).toContain('5 of 5 instances arrived, every byte equal');
  expect(text).toContain('… 3 more alike');
  expect(text).toMatch(/^ledger +Everything came: 5 came, 5 were expected, by Images in Acquisition/m);
  expect(text).toMatch(/^trace +radiotracer trace LAB-1\n {2}2\.25\.\d+\n {4}trace +([0-9a-f]{32})\n(.*\n){2} {4}jaeger +\S+\/trace\/\1$/m);
  expect(text).toMatch(
    /^ledger +radiotracer studies show LAB-2\n {2}2\.25\.\d+ {2}short\n {2}2 of 8 expected instances did not come, .*; 6 came in all\.$/m,
  );
  expect(text).toMatch(/^ {2}missing\n {4}Instance Numbers 3, 7$/m);
  expect(text).toMatch(/^ {4}short: Images in Acquisition .* says 8 .*, and so does Instance Number/m);
  expect(text).toMatch(/^ {2}study .* closed: short, 2 missing$/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
}, 30_000);
