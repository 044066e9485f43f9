/** Where a study's trace is to be found. The ids are computed, so that neither the proxy nor a ledger is needed. */
import { LedgerUnavailable } from '@radiotracer/integrity';
import { strippedUid } from '@radiotracer/telemetry';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { painter } from '../lab/paint.ts';
import type { Surroundings } from '../surroundings.ts';
import { findStudies } from './find-study.ts';
import { type LedgerView, whyNotReadable } from './ledger-view.ts';
import { notFound } from './show-command.ts';
import { identityOf, type NamedStudy, tracedJson, tracedStudy, tracedText } from './study-trace.ts';

export interface TraceOptions {
  readonly json?: boolean;
}

export async function traceCommand(asked: string, options: TraceOptions, view: LedgerView, surroundings: Surroundings): Promise<ExitCode> {
  const { out, err, terminal } = surroundings;
  const { links } = view.config.telemetry;
  const identity = await identityOf(view);
  const { studies, more, why } = await lookUp(asked, view);
  const traced = studies.map((one) => tracedStudy(one, identity, links));
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
): Promise<{ readonly studies: readonly NamedStudy[]; readonly more: number; readonly why?: string }> {
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
