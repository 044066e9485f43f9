import { describeError } from '../describe-error.ts';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { stopSignals } from '../stop-signals.ts';
import type { Surroundings } from '../surroundings.ts';
import { Lab } from './lab.ts';
import { furtherJson, outageJson, readyJson, resultJson } from './lab-json.ts';
import { furtherText, headline, outageText, resultText, shortText, stayText } from './lab-text.ts';
import { painter } from './paint.ts';

export interface LabCommandOptions {
  readonly slices: readonly number[];
  readonly size: number;
  readonly port: number;
  /** Undefined: stay when standard output is a terminal. */
  readonly stay?: boolean;
  readonly short: boolean;
  readonly outage: boolean;
  /** Where a trace can be looked at, with `{traceId}` in the place of its id. */
  readonly traceLink: string;
  readonly json?: boolean;
}

/** Of a line, where there is no terminal to ask. */
const plainColumns = 120;

/**
 * Studies through a proxy and into a PACS, on this machine alone. The code is `ok` only when every data set arrived with every byte
 * equal, the traces are whole, and the ledger knew what was withheld. Staying, it goes on until SIGINT or SIGTERM, which do not change the code.
 */
export async function labCommand(options: LabCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, version, terminal } = surroundings;
  const json = options.json === true;
  const paint = painter(terminal.isColoured);
  const tree = { paint, columns: terminal.columns ?? plainColumns };
  const stop = stopSignals(surroundings);
  const lab: Lab = new Lab({
    ...options,
    startProxy: surroundings.startLabProxy,
    links: { jaeger: options.traceLink },
    onFurtherStudy: (trace) => out(json ? furtherJson(trace) : furtherText(trace, tree)),
  });
  let stopped = false;
  const stopping = stop.first.then(async () => {
    stopped = true;
    await lab.stop();
  });
  try {
    const places = await lab.start().catch((error: unknown): never => {
      throw new CommandFailure(ExitCode.failed, `cannot start: ${describeError(error)}`);
    });
    out(json ? readyJson(version, places) : headline(places, areExported(surroundings.env), paint));
    const progress = terminal.isTerminal && !json ? progressLine(out, options.slices) : undefined;
    const result = await lab.run(places, (count) => progress?.update(count));
    progress?.clear();
    if (stopped) {
      err('stopped before the study was through\n');
      return ExitCode.failed;
    }
    out(json ? resultJson(result) : resultText(result, options.size, tree));
    const short = options.short ? await lab.short(places, (count) => progress?.update(count)) : undefined;
    progress?.clear();
    if (stopped) {
      err('stopped before the study with slices withheld was through\n');
      return ExitCode.failed;
    }
    if (short !== undefined) out(json ? resultJson(short) : shortText(short, surroundings.now(), tree));
    const outage = options.outage ? await lab.outage(places, (count) => progress?.update(count)) : undefined;
    progress?.clear();
    if (stopped) {
      err('stopped before the outage was over\n');
      return ExitCode.failed;
    }
    if (outage !== undefined) out(json ? outageJson(outage) : outageText(outage, tree));
    if (options.stay ?? terminal.isTerminal) {
      if (!json) out(stayText(places, paint));
      await stop.first;
      await stopping;
      if (!json) out(`${terminal.isTerminal ? '\n' : ''}${paint('dim', 'Stopped. Nothing is left behind.')}\n`);
    }
    return result.ok && short?.ok !== false && outage?.ok !== false ? ExitCode.ok : ExitCode.failed;
  } finally {
    await (stopped ? stopping : lab.stop());
  }
}

/** As the SDK's own variables say. */
function areExported(env: Surroundings['env']): boolean {
  return ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some((name) => (env[name] ?? '') !== '');
}

/** Written over itself, and gone at the end. */
function progressLine(out: (text: string) => void, slices: readonly number[]) {
  const total = slices.reduce((sum, count) => sum + count, 0);
  let shown = 0;
  return {
    update: (count: number) => {
      const now = performance.now();
      if (now - shown < 50) return;
      shown = now;
      out(`\rsending ${count} of ${total} …`);
    },
    clear: () => {
      if (shown > 0) out('\r\u001b[K');
    },
  };
}
