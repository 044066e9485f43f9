import { type Dashboard, lines, number, percentiles, table } from './panel.ts';

const waiting =
  'max by (radiotracer_destination_id, radiotracer_queue_state) (radiotracer_queue_size{radiotracer_queue_state=~"waiting|leased"})';

export const fleet: Dashboard = {
  uid: 'fleet',
  title: 'fleet',
  description: 'Is everything well? All proxies together; red is what needs somebody.',
  variables: [],
  panels: [
    number('proxies away', 'Those that did not answer the last scrape.', 'count(up{job="radiotracer"} == 0) or vector(0)', 1),
    number(
      'destinations down',
      'Neither modalities nor deliveries wait for them; what comes is kept.',
      'count(max by (radiotracer_destination_id) (radiotracer_destination_status{radiotracer_destination_state="down"}) == 1) or vector(0)',
      1,
    ),
    number(
      'waiting',
      'Instances that are safe in a spool, and not yet with their destination. Above 0 while a destination is away; it must fall when it is back.',
      `sum(${waiting})`,
      'never',
    ),
    number('oldest', 'How long the oldest of them has been waiting.', 'max(radiotracer_queue_oldest_age_seconds)', 900, { unit: 's' }),
    number(
      'dead letters',
      'Given up, still in the spool: each needs a person (radiotracer queue ls --state dead).',
      'sum(max by (radiotracer_destination_id) (radiotracer_dead_letter_count))',
      1,
    ),
    number('spool', 'How full the fullest is. From 95 % nothing new is kept.', 'max(radiotracer_spool_utilization_ratio)', 0.8, {
      unit: 'percentunit',
    }),
    lines(
      'instances from modalities',
      'relayed: the destination answered at once. spooled: kept for it. failed: the modality was told so, and has it still.',
      [
        [
          'sum by (radiotracer_instance_disposition) (rate(radiotracer_instances_total[$__rate_interval]))',
          '{{radiotracer_instance_disposition}}',
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'C-STORE as modalities see it',
      'First byte in to the response out. What the proxy adds of it is on the right.',
      percentiles('dicom_server_operation_duration_seconds', '{dicom_operation_name="C-STORE"}', ''),
      { unit: 's' },
    ),
    lines(
      'what the relay adds',
      'Request in to request out, response in to response out.',
      percentiles('radiotracer_relay_overhead_duration_seconds', '', ''),
      { unit: 's' },
    ),
    lines(
      'from scanner to PACS',
      'First byte in to confirmed by the destination, relayed and queued alike; an outage is seen here as hours.',
      percentiles('radiotracer_delivery_duration_seconds', '{radiotracer_delivery_outcome="delivered"}', ''),
      { unit: 's' },
    ),
    lines('associations now', 'With modalities, by proxy; and those that proxies opened with destinations.', [
      ['sum by (instance) (dicom_server_association_active) or vector(0)', 'modalities, {{instance}}'],
      ['sum by (instance) (dicom_client_association_active) or vector(0)', 'destinations, {{instance}}'],
    ]),
    lines(
      'bytes',
      'In from modalities, out to destinations; told when an association ends.',
      [
        [
          'sum by (dicom_association_role, network_io_direction) (rate(radiotracer_io_bytes_total[$__rate_interval]))',
          '{{dicom_association_role}} {{network_io_direction}}',
        ],
      ],
      { unit: 'Bps' },
    ),
    table('alerts', 'Pending and firing, docs/alerts.md says what to do.', [['ALERTS{alertname=~"Radiotracer.*"}']]),
    lines(
      'event loop delay, p99',
      'What a proxy’s one thread is late by. Lasting tens of milliseconds: it has too much to do.',
      [['nodejs_eventloop_delay_p99_seconds', '{{instance}}']],
      { unit: 's' },
    ),
    lines('CPU', 'Of one core.', [['sum by (instance) (rate(process_cpu_time_seconds_total[$__rate_interval]))', '{{instance}}']], {
      unit: 'percentunit',
    }),
    lines('memory', 'Resident. It does not grow with the size of what passes.', [['process_memory_usage_bytes', '{{instance}}']], {
      unit: 'bytes',
    }),
    lines(
      'telemetry that was lost',
      'Images are not affected. events: no room between two turns; spans: no room in the export’s queue, or the collector did not take them, or took them and threw them away.',
      [
        [
          'sum by (instance) (rate(radiotracer_telemetry_events_total{radiotracer_telemetry_result="dropped"}[$__rate_interval]))',
          'events, {{instance}}',
        ],
        [
          'sum by (instance) (rate(otel_sdk_processor_span_processed_total{error_type="queue_full"}[$__rate_interval])) or vector(0)',
          'spans without room, {{instance}}',
        ],
        [
          'sum by (instance) (rate(otel_sdk_exporter_span_exported_total{error_type!=""}[$__rate_interval])) or vector(0)',
          'spans not taken, {{instance}}',
        ],
        [
          'sum by (instance, radiotracer_telemetry_signal) (rate(radiotracer_telemetry_rejected_total[$__rate_interval]))',
          '{{radiotracer_telemetry_signal}} thrown away, {{instance}}',
        ],
      ],
      { unit: 'cps' },
    ),
    lines('running since', 'A line that falls to 0 is a restart.', [['process_uptime_seconds', '{{instance}}']], { unit: 's' }),
  ],
};
