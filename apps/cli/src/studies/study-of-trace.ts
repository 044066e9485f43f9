/** The study of the ledger that a trace is of: what `studies show` and `trace` tell of it. */
import type { Config } from '@radiotracer/config';
import type { StudyPage } from '@radiotracer/integrity';
import { withLedgerOf } from './ledger-view.ts';
import { identityOf, type TracedStudy, tracedStudy } from './study-trace.ts';

export interface StudyOfTrace {
  readonly page: StudyPage;
  readonly traced: TracedStudy;
}

/** How many are looked through, the newest first. */
const maxStudies = 200;

/** Undefined: none of the newest studies has that trace. */
export async function studyOfTrace(config: Config, traceId: string): Promise<StudyOfTrace | undefined> {
  return await withLedgerOf(config, async (view) => {
    const identity = await identityOf(view);
    const { studies } = await view.ledger.list({}, undefined, maxStudies);
    const traced = studies
      .map((study) => tracedStudy(study, identity, config.telemetry.links))
      .find(({ traces: [present] }) => present?.traceId === traceId);
    const page = traced === undefined ? undefined : await view.ledger.page(traced.uid);
    return traced === undefined || page === undefined ? undefined : { page, traced };
  });
}
