/** Numbers are kept beside the bench: JSON to compare with, and Markdown to read. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkFigures } from './figures.ts';
import { type Circumstances, reportLine, reportWork } from './report.ts';

const jsonFile = fileURLToPath(new URL('../results/relay.json', import.meta.url));
const markdownFile = fileURLToPath(new URL('../RESULTS.md', import.meta.url));

/** Other benches have parts of their own where they share the file. */
const [begin, end] = ['<!-- ./dev bench relay -->', '<!-- end of ./dev bench relay -->'];

const introduction = `## Relay

\`./dev bench relay\`: DCMTK's \`storescu\` (our own sender where each instance has an association) to \`storescp --ignore\`, \`TCP_NODELAY=1\`,
all on loopback, one peer at a time in between, in interleaved rounds after a warm-up. × direct is the ratio to the direct run of the
same round; CPU is the peer's own, user and system, what it does after the sender has ended included (spans leave within a second here); peak is
its resident memory. socat: \`-b 262144\`; HAProxy: TCP mode with splicing; blind pipe: two sockets and two \`pipe()\`s in Node; pooled
pipe: the same with 256 KiB buffers used again; floor relay: the least that a relay of associations does, PDU borders and a connection that is
opened when the A-ASSOCIATE-RQ has come; dcmjs-dimse: a server that forwards each C-STORE by a client, small work only, one round.`;

export async function keep(at: Circumstances, works: readonly WorkFigures[]): Promise<void> {
  await mkdir(dirname(jsonFile), { recursive: true });
  // Lists of numbers on one line, as the formatter has them.
  const json = JSON.stringify({ ...at, works }, rounded, 2).replace(/\[[\s\d.,a-z-]+\]/g, (list) =>
    list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'),
  );
  await writeFile(jsonFile, `${json}\n`);
  const part = [begin, introduction, '', `${reportLine(at)}.`, '', works.map(reportWork).join('\n\n'), end].join('\n');
  const whole = await readFile(markdownFile, 'utf8').catch(() => '# What was measured\n');
  const [from, to] = [whole.indexOf(begin), whole.indexOf(end)];
  const kept = from >= 0 && to > from ? whole.slice(0, from) + part + whole.slice(to + end.length) : `${whole.trimEnd()}\n\n${part}\n`;
  await writeFile(markdownFile, kept);
}

/** Four significant digits after the point are more than was measured. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toFixed(4)) : value;
}
