/**
 * ./dev bench fleet: several proxies on one Redis, each in a network of its own: rates, one of them killed, what Redis and SQLite cost. Needs
 * root, for the network namespaces.
 */
import { parseArgs } from 'node:util';
import { missingTools } from '../test/fixtures/tools.ts';
import { type CostFigures, measureCost } from './fleet/cost.ts';
import { type DrainFigures, measureDrain } from './fleet/drain.ts';
import { introduction } from './fleet/introduction.ts';
import { type KillFigures, measureKill } from './fleet/kill.ts';
import { missingForNetwork } from './fleet/network.ts';
import { reportCost, reportDrain, reportKill } from './fleet/report.ts';
import { circumstances, reportLine } from './shared/circumstances.ts';
import { command, type Watched } from './shared/command.ts';
import { keep } from './shared/keep.ts';

const partNames = ['drain', 'kill', 'cost'] as const;
type PartName = (typeof partNames)[number];

const usage = `./dev bench fleet [--quick] [--rounds N] [--proxies N] [--only PART]
  --quick    few and small instances, 1 round
  --rounds   default 3
  --proxies  default 3
  --only     one of ${partNames.join(', ')} (delivering a backlog; one proxy killed meanwhile; Redis and SQLite per instance)
Needs root: it makes network namespaces, and removes them. A run with all parts that is not quick is kept in bench/results/fleet.json and
bench/RESULTS.md.
Exit code: 0; 1 something failed, or an instance did not arrive; 2 wrong options; 130 and 143 interrupted.`;

interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly proxies: number;
  readonly parts: readonly PartName[];
}

/** Throws an error whose message is for the user. */
function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      proxies: { type: 'string', default: '3' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a whole number from 1`);
  const proxies = Number(values.proxies);
  if (!Number.isInteger(proxies) || proxies < 2 || proxies > 20)
    throw new Error(`--proxies ${values.proxies}: a whole number from 2 to 20`);
  const parts = partNames.filter((name) => values.only === undefined || name === values.only);
  if (parts.length === 0) throw new Error(`--only ${values.only}: one of ${partNames.join(', ')}`);
  return { isQuick: values.quick, rounds, proxies, parts };
}

async function measure({ isQuick, rounds, proxies, parts }: Options, watched: Watched): Promise<boolean> {
  const missing = missingTools('storescu', 'redis-server', 'redis-cli');
  if (missing !== undefined) throw new Error(`${missing}; ./dev test installs what is needed on Debian`);
  const noNetwork = missingForNetwork();
  if (noNetwork !== undefined) throw new Error(noNetwork);
  const at = circumstances({ rounds, isQuick });
  console.log(`${reportLine(at)}\n`);
  const say = (text: string): string => {
    watched.onProgress('');
    console.log(`${text}\n`);
    return text;
  };
  let drain: readonly DrainFigures[] = [];
  const kill: KillFigures[] = [];
  const cost: CostFigures[] = [];
  const texts: string[] = [];
  if (parts.includes('drain')) {
    // Several studies each: a study goes over one association.
    const shape = { studies: 4, slices: isQuick ? 15 : 100, side: 512 };
    drain = await measureDrain({ proxies, rounds, shape, answersMs: [0, 10], ...watched });
    texts.push(say(reportDrain(drain)));
  }
  if (parts.includes('kill')) {
    const shape = { studies: 4, slices: isQuick ? 40 : 150, side: 128 };
    for (const isShared of [false, true]) kill.push(await measureKill({ proxies, rounds, shape, isShared, ...watched }));
    texts.push(say(reportKill(kill)));
  }
  if (parts.includes('cost')) {
    const instances = isQuick ? 400 : 4000;
    for (const home of ['redis', 'sqlite'] as const)
      for (const hasLedger of [false, true])
        cost.push(await measureCost({ home, hasLedger, instances, idleMs: isQuick ? 5_000 : 20_000, ...watched }));
    texts.push(say(reportCost(cost)));
  }
  const isWhole = !isQuick && parts.length === partNames.length;
  if (isWhole) await keep({ name: 'fleet', at, figures: { drain, kill, cost }, introduction, parts: texts });
  console.log(isWhole ? 'kept in bench/results/fleet.json and bench/RESULTS.md' : 'not kept: not all parts, or quick');
  const lost = [...drain, ...kill.flatMap((one) => one.rounds)].reduce((sum, one) => sum + one.missing, 0);
  if (lost > 0) console.error(`${lost} instances did not arrive`);
  return lost === 0;
}

await command({ usage, readOptions, measure });
