import { type Dashboard, lines, number, percentiles, traces, words } from './panel.ts';

const root = '{span_name="study", service_name="radiotracer"}';

export const study: Dashboard = {
  uid: 'study',
  title: 'study',
  description: 'Studies, as their traces tell them: one trace each, over all associations, proxies, retries and days.',
  variables: [],
  panels: [
    number(
      'closed in the hour',
      'Studies of which nothing came for the quiet period.',
      `sum(increase(traces_span_metrics_calls_total${root}[1h]))`,
      'never',
    ),
    number(
      'not whole in the hour',
      'Closed with an instance that was not delivered: a dead letter, given up.',
      'sum(increase(traces_span_metrics_calls_total{span_name="study", service_name="radiotracer", status_code="STATUS_CODE_ERROR"}[1h])) or vector(0)',
      // `increase` extrapolates: of one it may make less.
      0.5,
    ),
    lines(
      'how long a study takes',
      'First byte of its first instance to the last one delivered. Each dot is a study; it opens its trace.',
      percentiles('traces_span_metrics_duration_seconds', root, ''),
      { unit: 's', width: 16 },
    ),
    lines(
      'a series',
      'First to last activity.',
      percentiles('traces_span_metrics_duration_seconds', '{span_name=~"series .*", service_name="radiotracer"}', ''),
      { unit: 's', width: 12 },
    ),
    lines(
      'instances of studies, as spans',
      'SERVER: from the modality. CLIENT: to a destination. Spans past telemetry.maxInstanceSpans of a study are left out, so this is fewer than were sent.',
      [
        [
          'sum by (span_kind, dicom_status_class) (rate(traces_span_metrics_calls_total{span_name=~"C-STORE.*", radiotracer_trace_kind="study", service_name="radiotracer"}[$__rate_interval]))',
          '{{span_kind}} {{dicom_status_class}}',
        ],
      ],
      { unit: 'cps', width: 12 },
    ),
    traces('the newest studies', 'The id opens the trace.', 'study', ''),
    traces(
      'studies that are not whole',
      'The id opens the trace; the spans in red say what happened to which instance.',
      'study',
      'error=true',
    ),
    words(
      'to come',
      'Received, expected, confirmed and missing instances of a study will stand here when the integrity ledger has metrics. Until then a study that is short is not told.',
    ),
  ],
};
