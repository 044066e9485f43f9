import { type Dashboard, lines, number, percentiles, table, traces } from './panel.ts';

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
    number(
      'lost now',
      'Instances that were acknowledged, and given up or not there when their destination was asked. Red: somebody has to look.',
      'sum(max by (radiotracer_destination_id, dicom_modality) (radiotracer_integrity_lost)) or vector(0)',
      1,
    ),
    number(
      'short in the hour',
      'Studies of which less came than was to come, by a source that can be trusted.',
      'sum(increase(radiotracer_studies_total{radiotracer_study_completion="short"}[1h])) or vector(0)',
      0.5,
    ),
    lines(
      'studies closed, by what they came to',
      'complete: all that was to come came. quiet: nobody says how much was to come. short, excess, discontinued: see the log and the traces.',
      [
        [
          'sum by (radiotracer_study_completion) (rate(radiotracer_studies_total[$__rate_interval]) * 3600)',
          '{{radiotracer_study_completion}} an hour',
        ],
      ],
      { width: 8 },
    ),
    lines(
      'instances of closed studies',
      'acknowledged and forwarded go together; confirmed follows when the destination was asked. lost is 0.',
      [
        [
          'sum by (radiotracer_destination_id, radiotracer_integrity_state) (rate(radiotracer_integrity_instances_total[$__rate_interval]))',
          '{{radiotracer_destination_id}} {{radiotracer_integrity_state}}',
        ],
      ],
      { unit: 'cps', width: 8 },
    ),
    lines(
      'until it can be found',
      'First byte of a study to seen whole by C-FIND; the quiet period and integrity.verifyDelay are in it.',
      percentiles('radiotracer_study_availability_duration_seconds', '', ''),
      { unit: 's', width: 8 },
    ),
    table(
      'found, and asked',
      'Findings in what came, and questions to destinations, of the last day.',
      [['sum by (radiotracer_integrity_check, radiotracer_integrity_result) (increase(radiotracer_integrity_checks_total[24h]))']],
      { width: 8 },
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
  ],
};
