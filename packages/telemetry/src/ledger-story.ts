/**
 * Writes what the ledger tells of a study, in the trace that everything else of it hangs in:
 *
 *   study (derived) ── series {modality} (derived)          study.told, once per generation
 *                   ├─ verify {destination} (CLIENT)        study.verified, for each question
 *                   └─ commit {destination} (CLIENT)        study.committed, for each request and its report
 */
import { type SpanContext, SpanKind, type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import type { AttributeValues } from './attribute.ts';
import type { StudyClosed, StudyCommitted, StudyRevised, StudyTold, StudyVerified, ToldSeries } from './event.ts';
import { knownModality } from './modality.ts';
import { lost, missing, undelivered } from './span-status.ts';
import type { SpanWriter } from './span-writer.ts';
import type { StudyBook } from './study-book.ts';
import type { StudyIdentity } from './study-identity.ts';

interface LedgerTold {
  readonly context: SpanContext;
  readonly values: AttributeValues;
}

interface LedgerStoryOptions {
  readonly writer: SpanWriter;
  readonly identity: StudyIdentity;
  readonly book: StudyBook;
}

const unset: SpanStatus = { code: SpanStatusCode.UNSET };

export class LedgerStory {
  readonly #options: LedgerStoryOptions;

  constructor(options: LedgerStoryOptions) {
    this.#options = options;
  }

  closed(event: StudyClosed): LedgerTold {
    const { book } = this.#options;
    const { verdict, lost: lostCount } = event;
    book.remember(event.studyInstanceUid, event.generation, event.at);
    return {
      context: book.contextOf(event.studyInstanceUid, event.generation),
      values: { ...this.#study(event), ...verdictValues(verdict), 'radiotracer.study.lost.count': lostCount || undefined },
    };
  }

  revised(event: StudyRevised): LedgerTold {
    return {
      context: this.#options.book.contextOf(event.studyInstanceUid, event.generation),
      values: { ...this.#study(event), 'radiotracer.study.lost.count': event.lost },
    };
  }

  verified(event: StudyVerified): LedgerTold {
    return this.#question(event, 'verify', 'C-FIND', verifyStatuses[event.result]);
  }

  committed(event: StudyCommitted): LedgerTold {
    return this.#question(event, 'commit', 'N-ACTION', commitStatuses[event.result]);
  }

  #question(event: StudyVerified | StudyCommitted, check: 'verify' | 'commit', operation: string, status: SpanStatus): LedgerTold {
    const parent = this.#options.book.contextOf(event.studyInstanceUid, event.generation);
    const values: AttributeValues = {
      ...this.#study(event),
      'radiotracer.destination.id': event.destinationId,
      'service.peer.name': event.destinationId,
      'dicom.operation.name': operation,
      'radiotracer.integrity.check': check,
      'radiotracer.integrity.result': event.result,
      'error.type': 'errorType' in event ? event.errorType : undefined,
      'radiotracer.integrity.asked.count': event.asked,
      'radiotracer.integrity.missing.count': event.missing,
    };
    const context = this.#options.writer.write({
      name: `${check} ${event.destinationId}`,
      kind: SpanKind.CLIENT,
      parent,
      startAt: event.startedAt,
      endAt: event.endedAt,
      values,
      status,
    });
    return { context, values };
  }

  told(event: StudyTold): LedgerTold {
    const { writer, identity, book } = this.#options;
    const { studyInstanceUid: uid, generation, verdict } = event;
    const root = book.contextOf(uid, generation);
    for (const series of event.series) this.#writeSeries(event, series, root);
    const values: AttributeValues = {
      ...this.#study(event),
      ...verdictValues(verdict),
      'radiotracer.study.generation': generation,
      'radiotracer.study.undelivered.count': event.undelivered || undefined,
      'radiotracer.study.lost.count': event.lost || undefined,
      'radiotracer.study.ledger': event.incomplete ? 'incomplete' : undefined,
      'radiotracer.spans.omitted': book.omittedSpans(uid, generation) || undefined,
      'radiotracer.destination.id': event.destinationId,
      'dicom.calling_ae.title': event.callingAeTitle,
      'dicom.study.instance.count': event.instances,
      'dicom.study.series.count': event.series.length,
      'dicom.study.size': event.sizeBytes,
      'dicom.study.modalities': [...new Set(event.modalities.map(knownModality))].filter((one) => one !== undefined).sort(),
    };
    writer.writeDerived(
      { traceId: root.traceId, spanId: identity.study(uid, generation).rootSpanId },
      {
        name: 'study',
        kind: SpanKind.INTERNAL,
        parent: undefined,
        startAt: event.firstByteAt,
        endAt: event.endedAt,
        status: studyStatus(event),
        links: generation === 0 ? [] : [{ to: book.contextOf(uid, generation - 1), kind: 'earlier' }],
        values,
        events: event.findings.map(({ kind, count }) => ({
          name: 'finding' as const,
          at: event.endedAt,
          values: { 'radiotracer.integrity.check': kind, 'radiotracer.integrity.finding.count': count },
        })),
      },
    );
    return { context: root, values };
  }

  #writeSeries({ studyInstanceUid, generation }: StudyTold, series: ToldSeries, root: SpanContext): void {
    const { writer, identity } = this.#options;
    const modality = knownModality(series.modality);
    writer.writeDerived(
      { traceId: root.traceId, spanId: identity.seriesSpanId(series.seriesInstanceUid, generation) },
      {
        name: modality === undefined ? 'series' : `series ${modality}`,
        kind: SpanKind.INTERNAL,
        parent: root,
        startAt: series.firstAt,
        endAt: series.lastAt,
        status: unset,
        values: {
          'radiotracer.trace.kind': 'study',
          'dicom.study.hash': identity.studyHash(studyInstanceUid),
          'dicom.series.hash': identity.seriesHash(series.seriesInstanceUid),
          'dicom.modality': modality,
          'dicom.series.instance.count': series.instances,
          'dicom.series.size': series.sizeBytes,
          'dicom.study.uid': studyInstanceUid,
          'dicom.series.uid': series.seriesInstanceUid,
        },
      },
    );
  }

  #study({ studyInstanceUid, modalities }: { readonly studyInstanceUid: string; readonly modalities: readonly string[] }): AttributeValues {
    return {
      'radiotracer.trace.kind': 'study',
      'dicom.study.hash': this.#options.identity.studyHash(studyInstanceUid),
      'dicom.study.uid': studyInstanceUid,
      'dicom.modality': modalityOf(modalities),
    };
  }
}

const verifyStatuses: Readonly<Record<StudyVerified['result'], SpanStatus>> = {
  confirmed: unset,
  missing: { code: SpanStatusCode.ERROR, message: 'instances are not there' },
  unsupported: unset,
  unreachable: { code: SpanStatusCode.ERROR, message: 'no answer' },
};

const commitStatuses: Readonly<Record<StudyCommitted['result'], SpanStatus>> = {
  ...verifyStatuses,
  refused: { code: SpanStatusCode.ERROR, message: 'instances are not kept safe' },
  unreported: { code: SpanStatusCode.ERROR, message: 'no report' },
};

/** What is not an image beside images says nothing of the scanner. */
const besideImages = new Set(['SR', 'PR', 'KO', 'SEG', 'REG', 'DOC']);

/** One modality for a study: of several that of its images; `_OTHER` where these are several too. */
export function modalityOf(modalities: readonly string[]): string | undefined {
  const known = [...new Set(modalities.map(knownModality))].filter((one) => one !== undefined);
  const images = known.filter((one) => !besideImages.has(one));
  const [only, ...others] = images.length === 0 ? known : images;
  return others.length === 0 ? only : '_OTHER';
}

function verdictValues(verdict: StudyTold['verdict']): AttributeValues {
  return {
    'radiotracer.study.completion': verdict.completion,
    'radiotracer.study.verdict.source': verdict.source,
    'radiotracer.study.verdict.confidence': verdict.confidence,
    'radiotracer.study.expected.count': verdict.expected,
    'radiotracer.study.received.count': verdict.received,
    'radiotracer.study.missing.count': verdict.missing || undefined,
  };
}

/** What was taken and is gone, before what did not get where it was to go, before what never came. */
function studyStatus({ lost: lostCount, undelivered: undeliveredCount, verdict }: StudyTold): SpanStatus {
  if (lostCount > 0) return lost;
  if (undeliveredCount > 0) return undelivered;
  return verdict.completion === 'short' && verdict.confidence === 'high' ? missing : unset;
}
