/**
 * ./dev bench relay: what the relay costs beside other things that could stand between a modality and a PACS.
 * Senders and PACS are DCMTK's; every peer is a process of its own; rounds are interleaved, so that what the machine does otherwise meets
 * all alike.
 */
import { parseArgs } from 'node:util';
import { missingTools } from '../test/fixtures/tools.ts';
import { figuresOf, type WorkFigures } from './relay/figures.ts';
import { introduction } from './relay/introduction.ts';
import { type PeerName, peerNames } from './relay/peers.ts';
import { reportWork } from './relay/report.ts';
import { runRounds } from './relay/rounds.ts';
import { type WorkName, workNames } from './relay/works.ts';
import { circumstances, reportLine } from './shared/circumstances.ts';
import { command, type Watched } from './shared/command.ts';
import { keep } from './shared/keep.ts';

const usage = `./dev bench relay [--quick] [--rounds N] [--only WORK] [--peers a,b]
  --quick    2,000 small instances, 200 associations, 3 rounds
  --rounds   default 7
  --only     one of ${workNames.join(', ')}
  --peers    of ${peerNames.map(optionName).join(', ')}; direct is always among them
A run with all works and peers that is not quick is kept in bench/results/relay.json and bench/RESULTS.md.
Exit code: 0; 1 something failed; 2 wrong options; 130 and 143 interrupted.`;

function optionName(peer: PeerName): string {
  return peer.replace(', telemetry', '').replaceAll(' ', '-');
}

interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly works: readonly WorkName[];
  readonly peers: readonly PeerName[];
}

/** Throws an error whose message is for the user. */
function readOptions(): Options | 'help' {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      peers: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a whole number from 1`);
  const works = workNames.filter((name) => values.only === undefined || name === values.only);
  if (works.length === 0) throw new Error(`--only ${values.only}: one of ${workNames.join(', ')}`);
  const asked = values.peers?.split(',');
  const unknown = asked?.find((name) => !peerNames.some((peer) => optionName(peer) === name));
  if (unknown !== undefined) throw new Error(`--peers ${unknown}: one of ${peerNames.map(optionName).join(', ')}`);
  const peers = peerNames.filter((peer) => peer === 'direct' || asked === undefined || asked.includes(optionName(peer)));
  return { isQuick: values.quick, rounds, works, peers };
}

async function measure(options: Options, { onProgress, onStage }: Watched): Promise<boolean> {
  const missing = missingTools('storescu', 'storescp');
  if (missing !== undefined) throw new Error(`${missing}; ./dev test installs what is needed on Debian`);
  const at = circumstances(options);
  console.log(`${reportLine(at)}\n`);
  const works: WorkFigures[] = [];
  for (const work of options.works) {
    const { rounds, isQuick, peers } = options;
    const figures = figuresOf(await runRounds({ work, rounds, isQuick, peers, onProgress, onStage }));
    onProgress('');
    console.log(`${reportWork(figures)}\n`);
    works.push(figures);
  }
  const isWhole = !options.isQuick && options.works.length === workNames.length && options.peers.length === peerNames.length;
  if (isWhole) await keep({ name: 'relay', at, figures: { works }, introduction, parts: works.map(reportWork) });
  console.log(isWhole ? 'kept in bench/results/relay.json and bench/RESULTS.md' : 'not kept: not all works and peers, or quick');
  const ours = works.flatMap(({ peers }) => peers).filter(({ peer }) => peer.startsWith('radiotracer'));
  const hadTelemetry = !options.peers.includes('radiotracer') || works.every(({ telemetryBytes }) => telemetryBytes > 0);
  if (!hadTelemetry) console.error('the collector received nothing: telemetry was not on');
  return hadTelemetry && ours.every(({ problem }) => problem === undefined);
}

await command({ usage, readOptions, measure });
