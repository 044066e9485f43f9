/** The figures as a reader wants them: Markdown, which is readable in a terminal too. */
import { spread } from '../shared/spread.ts';
import { number, range, table } from '../shared/table.ts';
import type { CostFigures } from './cost.ts';
import type { DrainFigures } from './drain.ts';
import type { KillFigures, KillRound } from './kill.ts';

export function reportDrain(all: readonly DrainFigures[]): string {
  const rows = all.map((one) => [
    `${one.proxies} × ${one.instances.toLocaleString('en')}`,
    number(one.answerMs, 0),
    number(one.kept?.median, 0),
    number(one.total?.median, 0),
    range(one.total),
    number(one.ofEach?.median, 0),
    range(one.ofEach),
    number(one.timesAlone?.median, 2),
    number(one.keptCpuMs, 2),
    number(one.deliveredCpuMs, 2),
    String(one.duplicates),
    String(one.missing),
  ]);
  return [
    `### Delivering what was kept while the PACS was down (${number(all[0]?.mbOfInstance, 2)} MB each)`,
    '',
    'Instances a second, medians over the rounds: taken into the spools; delivered, from the first to the last of all at the PACS; delivered by each proxy.',
    '',
    ...table(
      [
        'proxies × instances',
        'PACS answers after ms',
        'kept/s',
        'delivered/s',
        'min–max',
        'of each/s',
        'min–max',
        '× one proxy',
        'CPU ms to keep',
        'CPU ms to deliver',
        'twice',
        'missing',
      ],
      rows,
    ),
  ].join('\n');
}

export function reportKill(all: readonly KillFigures[]): string {
  const seconds = (rounds: readonly KillRound[], value: (round: KillRound) => number | undefined) => {
    const found = spread(rounds.map(value).flatMap((ms) => (ms === undefined ? [] : [ms / 1000])));
    return found === undefined ? '–' : `${found.median.toFixed(1)} (${range(found)})`;
  };
  const counts = (rounds: readonly KillRound[], value: (round: KillRound) => number) => rounds.map(value).join(', ');
  const rows = all.map(({ isShared, proxies, instances, rounds }) => [
    `${proxies} × ${instances.toLocaleString('en')}, ${isShared ? 'one volume' : 'own spools'}`,
    counts(rounds, ({ left }) => left),
    counts(rounds, ({ leased }) => leased),
    counts(rounds, ({ leftDeliveredByOthers }) => leftDeliveredByOthers),
    seconds(rounds, ({ othersDoneMs }) => othersDoneMs),
    seconds(rounds, ({ startedAgainMs }) => startedAgainMs),
    seconds(rounds, ({ firstLeasedMs }) => firstLeasedMs),
    seconds(rounds, ({ lastLeasedMs }) => lastLeasedMs),
    seconds(rounds, ({ allMs }) => allMs),
    counts(rounds, ({ duplicates }) => duplicates),
    counts(rounds, ({ missing }) => missing),
  ]);
  return [
    '### One of them killed (`kill -9`) while it delivers',
    '',
    'When it is killed it has delivered a quarter of its own. left: in its spool, not yet at the PACS; leased: what it had claimed; by others: of what was left,',
    'delivered before it was started again, which is when the others have done all that they can. Times are s since the kill, median (min–max).',
    '',
    ...table(
      [
        'proxies × instances',
        'left',
        'leased',
        'by others',
        'others done',
        'started again',
        'first of the leased',
        'last of the leased',
        'all there',
        'twice',
        'missing',
      ],
      rows,
    ),
  ].join('\n');
}

export function reportCost(all: readonly CostFigures[]): string {
  const name = ({ home, hasLedger }: CostFigures) => `${home === 'redis' ? 'Redis' : 'SQLite'}${hasLedger ? ', ledger' : ''}`;
  const redisRows = all.flatMap((figures) => [
    ...figures.phases.map(({ phase, redis }) => [`${name(figures)}: ${phase}`, redis] as const),
    [`${name(figures)}: idle, each second`, figures.idle.redis] as const,
  ]);
  const proxyRows = all.flatMap((figures) => [
    ...figures.phases.map((one) => [
      `${name(figures)}: ${one.phase}`,
      number(one.cpuMs, 3),
      number(one.writtenBytes, 0),
      number(one.queueFileBytes, 0),
      number(one.ledgerFileBytes, 0),
    ]),
    [`${name(figures)}: idle, each second`, number(figures.idle.cpuMs, 3), '–', '–', '–'],
  ]);
  return [
    '### What schedule and ledger cost',
    '',
    'One proxy, instances of 8 KB; for each instance. Large studies have 200 instances, small ones 2. calls: of Redis commands, those that scripts make',
    'included; scripts: round trips among them. Memory is `used_memory`; file is the growth of the database without its log; written is what the proxy',
    'caused to be written to disk, instances included.',
    '',
    ...table(
      ['in Redis', 'scripts', 'calls', 'bytes in', 'bytes out', 'CPU µs', 'memory bytes'],
      redisRows.flatMap(([what, redis]) =>
        redis === undefined
          ? []
          : [
              [
                what,
                number(redis.scripts, 2),
                number(redis.calls, 2),
                number(redis.inBytes, 0),
                number(redis.outBytes, 0),
                number(redis.cpuUs, 1),
                number(redis.memoryBytes, 0),
              ],
            ],
      ),
    ),
    '',
    ...table(['the proxy', 'CPU ms', 'written bytes', 'schedule file bytes', 'ledger file bytes'], proxyRows),
    '',
    `- an instance that waits takes ${number(spread(all.map((one) => one.spoolBytesBeyondDataSet))?.median, 0)} bytes of disk beyond its data set`,
    ...all
      .filter(({ home }) => home === 'sqlite')
      .map((one) => `- the logs of ${name(one)} take ${(one.logBytes / 1e6).toFixed(1)} MB of disk, whatever there is`),
  ].join('\n');
}
