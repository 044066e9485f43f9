import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { undelivered } from './span-status.ts';
import type { SpanWriter } from './span-writer.ts';
import type { Series, Study } from './study.ts';
import type { Completion } from './study-book.ts';

/**
 * Writes what only the close can tell: the root of a study's trace and its series, with the ids that everything else in the trace
 * already hangs on. Once: what an earlier close of the same generation told is not told again.
 */
export function writeStudy(writer: SpanWriter, study: Study, completion: Completion): void {
  for (const series of study.series.values()) {
    if (!study.origin.seriesTold.has(series.spanId)) writeSeries(writer, study, series);
  }
  if (!study.origin.rootTold) writeRoot(writer, study, completion);
}

function writeSeries(writer: SpanWriter, study: Study, series: Series): void {
  const ids = { traceId: study.origin.ids.traceId, spanId: series.spanId };
  writer.writeDerived(ids, {
    name: series.modality === undefined ? 'series' : `series ${series.modality}`,
    kind: SpanKind.INTERNAL,
    parent: study.rootContext,
    startAt: series.firstAt,
    endAt: series.lastAt,
    status: { code: SpanStatusCode.UNSET },
    values: {
      'radiotracer.trace.kind': 'study',
      'dicom.study.hash': study.origin.hash,
      'dicom.series.hash': series.hash,
      'dicom.modality': series.modality,
      'dicom.series.instance.count': series.instances,
      'dicom.series.size': series.sizeBytes,
      'dicom.study.uid': study.origin.uid,
      'dicom.series.uid': series.uid,
    },
  });
}

function writeRoot(writer: SpanWriter, study: Study, completion: Completion): void {
  const { ids, hash, generation, earlier, uid } = study.origin;
  writer.writeDerived(
    { traceId: ids.traceId, spanId: ids.rootSpanId },
    {
      name: 'study',
      kind: SpanKind.INTERNAL,
      parent: undefined,
      startAt: study.firstByteAt,
      endAt: study.lastAt,
      status: study.undelivered > 0 ? undelivered : { code: SpanStatusCode.UNSET },
      links: earlier === undefined ? [] : [{ to: earlier, kind: 'earlier' }],
      values: {
        'radiotracer.trace.kind': 'study',
        'radiotracer.study.completion': completion,
        'radiotracer.study.generation': generation,
        'radiotracer.study.undelivered.count': study.undelivered === 0 ? undefined : study.undelivered,
        'radiotracer.spans.omitted': study.budget.omitted === 0 ? undefined : study.budget.omitted,
        'radiotracer.destination.id': study.destinationId,
        'dicom.calling_ae.title': study.callingAeTitle,
        'dicom.called_ae.title': study.calledAeTitle,
        'dicom.study.hash': hash,
        'dicom.study.instance.count': study.instances,
        'dicom.study.series.count': study.series.size,
        'dicom.study.size': study.sizeBytes,
        'dicom.study.modalities': [...study.modalities].sort(),
        'dicom.study.uid': uid,
      },
    },
  );
}
