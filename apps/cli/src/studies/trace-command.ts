/** Where a study's trace is to be found. The ids are computed, so that neither the proxy nor a ledger is needed. */
import { LedgerUnavailable } from '@radiotracer/integrity';
import { keptText, loadSiteKey } from '@radiotracer/proxy';
import { createStudyIdentity, type StudyIdentity, strippedUid } from '@radiotracer/telemetry';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { type Paint, painter } from '../lab/paint.ts';
import { printable } from '../queue/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { findStudies } from './find-study.ts';
import { type LedgerView, whyNotReadable } from './ledger-view.ts';
import { notFound } from './show-command.ts';

export interface TraceOptions {
  readonly json?: boolean;
}

interface Traced {
  readonly uid: string;
  /** Undefined: not in the ledger, or no ledger. */
  readonly generation: number | undefined;
}

/** Of earlier generations. */
const maxEarlier = 100;

export async function traceCommand(asked: string, options: TraceOptions, view: LedgerView, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, terminal } = surroundings;
  const { links } = view.config.telemetry;
  const identity = createStudyIdentity(await siteKey(view));
  const { studies, more, why } = await lookUp(asked, view);
  const traced = studies.map((one) => ({ ...one, traces: tracesOf(one, identity, links) }));
  if (options.json === true) out(`${JSON.stringify({ studies: traced.map(tracedJson), more, note: why ?? null }, undefined, 2)}\n`);
  else out(traced.map((one) => tracedText(one, painter(terminal.isColoured))).join('\n'));
  if (why !== undefined) err(`${why}\n`);
  if (more > 0) err(`${more} more studies of this accession number are left out\n`);
  if (Object.keys(links).length === 0 && options.json !== true) err(linksHint);
  return ExitCode.ok;
}

const linksHint =
  'for links, name them in the configuration, such as telemetry: { links: { jaeger: "http://localhost:16686/trace/{traceId}" } }\n';

async function lookUp(
  asked: string,
  view: LedgerView,
): Promise<{ readonly studies: readonly Traced[]; readonly more: number; readonly why?: string }> {
  const found = await inLedger(asked, view);
  if (typeof found === 'object' && found.studies.length > 0) return found;
  const uid = strippedUid(asked);
  const isUid = uid !== undefined && /^[0-9]+(\.[0-9]+)+$/.test(uid);
  if (!isUid && typeof found === 'string')
    throw new CommandFailure(ExitCode.failed, `${found}; without it a trace can be told by the Study Instance UID alone`);
  if (!isUid) throw new CommandFailure(ExitCode.failed, `${notFound(asked)}; by its Study Instance UID its trace can be told all the same`);
  const why = typeof found === 'string' ? found : `the study is not in the ledger ${view.place}`;
  return { studies: [{ uid, generation: undefined }], more: 0, why: `${why}: generation 0 is assumed` };
}

/** A text: why it cannot be asked. */
async function inLedger(asked: string, { ledger, place, absent }: LedgerView) {
  if (absent !== undefined) return `the ledger ${place} is not there`;
  try {
    const { studies, more } = await findStudies(ledger, asked);
    return { studies: studies.map(({ uid, generation }) => ({ uid, generation })), more };
  } catch (error) {
    if (error instanceof LedgerUnavailable) return `the ledger ${place} cannot be read: ${whyNotReadable(error)}`;
    throw error;
  }
}

/** Never draws one: another one than the proxy's would give ids that nobody has. */
async function siteKey({ config, folder }: LedgerView): Promise<Uint8Array> {
  const none = `there is no site key yet: the proxy keeps it in ${folder.siteKey} when it first starts; or set telemetry.siteKey to the one that it has`;
  try {
    return await loadSiteKey(config.telemetry.siteKey, {
      ...keptText(folder.siteKey),
      keep: () => Promise.reject(new CommandFailure(ExitCode.failed, none)),
    });
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'site-key-unusable') throw new CommandFailure(ExitCode.failed, `${folder.siteKey}: ${message}`);
    throw new CommandFailure(
      ExitCode.failed,
      `${folder.siteKey}: cannot be read (${code ?? message}); run it as the user of the proxy, or as root`,
    );
  }
}

interface Trace {
  readonly generation: number;
  readonly traceId: string;
  readonly rootSpanId: string;
  readonly links: Readonly<Record<string, string>>;
}

/** The present one first. */
function tracesOf({ uid, generation = 0 }: Traced, identity: StudyIdentity, links: Readonly<Record<string, string>>): readonly Trace[] {
  const last = Math.max(0, generation - maxEarlier);
  return Array.from({ length: generation - last + 1 }, (_, index) => {
    const ids = identity.study(uid, generation - index);
    const named = Object.entries(links).map(([name, template]) => [name, template.replaceAll('{traceId}', ids.traceId)]);
    return { generation: generation - index, ...ids, links: Object.fromEntries(named) };
  });
}

type WithTraces = Traced & { readonly traces: readonly Trace[] };

function tracedJson({ uid, generation, traces: [present, ...earlier] }: WithTraces) {
  return { studyInstanceUid: uid, isInLedger: generation !== undefined, ...present, earlier };
}

function tracedText({ uid, traces }: WithTraces, paint: Paint): string {
  const lines = traces.flatMap(({ generation, traceId, rootSpanId, links }) => [
    ...[['trace', paint('id', traceId)], ['root span', rootSpanId], ['generation', String(generation)], ...Object.entries(links)].map(
      ([name = '', value = '']) => `  ${paint('dim', name.padEnd(10))}  ${value}`,
    ),
    '',
  ]);
  return `${paint('bold', printable(uid))}\n${lines.join('\n')}`;
}
