import { type Dashboard, lines } from './panel.ts';

const id = 'radiotracer_destination_id';
const picked = `${id}=~"$destination"`;
const state = 'radiotracer_queue_state';

export const queue: Dashboard = {
  uid: 'queue',
  title: 'queue',
  description:
    'What waits for its destination, and where it is kept. With a schedule in Redis all proxies tell the same of it, so the largest is shown.',
  variables: [{ name: 'destination', label: 'destination', metric: 'radiotracer_queue_size', of: id }],
  panels: [
    lines('instances in the schedule', 'waiting must fall when the destination is back; held waits for a person, and so does dead.', [
      [`max by (${id}, ${state}) (radiotracer_queue_size{${picked}})`, `{{${id}}} {{${state}}}`],
    ]),
    lines(
      'their bytes',
      'What the spool holds for the destination.',
      [[`max by (${id}, ${state}) (radiotracer_queue_usage_bytes{${picked}})`, `{{${id}}} {{${state}}}`]],
      { unit: 'bytes' },
    ),
    lines(
      'age of the oldest',
      'A line that rises steadily is a destination that takes nothing.',
      [[`max by (${id}) (radiotracer_queue_oldest_age_seconds{${picked}})`, `{{${id}}}`]],
      { unit: 's' },
    ),
    lines(
      'attempts to deliver',
      'By what came of them.',
      [
        [
          `sum by (${id}, radiotracer_delivery_outcome) (rate(radiotracer_deliveries_total{${picked}}[$__rate_interval]))`,
          `{{${id}}} {{radiotracer_delivery_outcome}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'why they failed',
      'Attempts that are due again.',
      [[`sum by (${id}, error_type) (rate(radiotracer_delivery_retries_total{${picked}}[$__rate_interval]))`, `{{${id}}} {{error_type}}`]],
      { unit: 'cps' },
    ),
    lines('given up', 'Dead letters, by reason.', [
      [`sum by (${id}, error_type) (increase(radiotracer_dead_letters_total{${picked}}[$__rate_interval]))`, `{{${id}}} {{error_type}}`],
    ]),
    lines('dead letters that are there', 'They stay until somebody retries, exports or removes them.', [
      [`max by (${id}) (radiotracer_dead_letter_count{${picked}})`, `{{${id}}}`],
    ]),
    lines(
      'how full the spools are',
      'From 95 % nothing new is kept, until it is 90 %.',
      [['radiotracer_spool_utilization_ratio', '{{instance}}']],
      { unit: 'percentunit' },
    ),
    lines(
      'bytes in the spools',
      'limit is spool.maxBytes, free is of the volume.',
      [
        ['radiotracer_spool_usage_bytes', 'used, {{instance}}'],
        ['radiotracer_spool_limit_bytes', 'limit, {{instance}}'],
        ['radiotracer_spool_free_bytes', 'free, {{instance}}'],
      ],
      { unit: 'bytes' },
    ),
    lines(
      'until an instance is safe',
      'Its last byte here to synced on disk; the modality waits for it.',
      [50, 95, 99].map(
        (p) =>
          [
            `histogram_quantile(0.${p}, sum by (le) (rate(radiotracer_spool_write_duration_seconds_bucket[$__rate_interval])))`,
            `p${p}`,
          ] as const,
      ),
      { unit: 's' },
    ),
    lines(
      'schedules that refuse',
      '1: full takes nothing new and delivers what it has; no is away or takes no writes, and delivers nothing.',
      [
        [
          'max by (instance, radiotracer_queue_available) (radiotracer_queue_status{radiotracer_queue_available!="yes"})',
          '{{instance}} {{radiotracer_queue_available}}',
        ],
      ],
    ),
    lines('spools that refuse', '1: full; C-STOREs that need it are answered A700.', [
      ['max by (instance) (radiotracer_spool_status{radiotracer_spool_state="refusing"})', '{{instance}}'],
    ]),
    lines(
      'what went wrong in the spool',
      'failures: instances that could not be made safe, and were not acknowledged. findings: files that were not as the spool left them.',
      [
        [
          'sum by (radiotracer_spool_error_code) (increase(radiotracer_spool_failures_total[$__rate_interval])) or vector(0)',
          'failure {{radiotracer_spool_error_code}}',
        ],
        [
          'sum by (radiotracer_spool_finding_kind) (increase(radiotracer_spool_findings_total[$__rate_interval])) or vector(0)',
          'finding {{radiotracer_spool_finding_kind}}',
        ],
      ],
    ),
  ],
};
