import { type Dashboard, lines, percentiles, table } from './panel.ts';

const ae = 'dicom_calling_ae_title';
const picked = `${ae}=~"$modality"`;
const store = `dicom_operation_name="C-STORE", ${picked}`;

export const modality: Dashboard = {
  uid: 'modality',
  title: 'modality',
  description: 'Scanner by scanner, by its calling AE title. Titles that the configuration does not name are together as _OTHER.',
  variables: [{ name: 'modality', label: 'calling AE', metric: 'radiotracer_source_last_seen_seconds', of: ae }],
  panels: [
    table(
      'silent for',
      'Since the last association or request, on whichever proxy. Compare with how long it may be, below.',
      [[`time() - max by (${ae}) (max_over_time(radiotracer_source_last_seen_seconds{${picked}}[7d]))`]],
      { unit: 's' },
    ),
    lines('silent', '1: for longer than its own habit at this hour of the week; the alert is about it. Of _OTHER how many are.', [
      [`max by (${ae}) (radiotracer_source_silent{${picked}})`, `{{${ae}}}`],
    ]),
    lines(
      'how long it may be quiet',
      'From when it was last seen until it is silent: short while it works, over the night or the weekend when it does not. Absent for its first two weeks.',
      [[`max by (${ae}) (radiotracer_source_habit_gap_seconds{${picked}})`, `{{${ae}}}`]],
      { unit: 's' },
    ),
    lines(
      'worklist items without a study',
      'Taken up (MPPS, or a query for one), and no study of theirs in time. `radiotracer modalities show` names them.',
      [[`sum by (${ae}) (increase(radiotracer_worklist_unfollowed_total{${picked}}[1h]))`, `{{${ae}}}`]],
    ),
    lines('instances in the hour before', 'The day’s rhythm: compare it with yesterday’s.', [
      [`sum by (${ae}) (increase(radiotracer_instances_total{${picked}}[1h]))`, `{{${ae}}}`],
    ]),
    lines(
      'what became of them',
      'spooled: the PACS was away, the scanner did not notice. failed: the scanner was told so.',
      [
        [
          `sum by (${ae}, radiotracer_instance_disposition) (rate(radiotracer_instances_total{${picked}}[$__rate_interval]))`,
          `{{${ae}}} {{radiotracer_instance_disposition}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'C-STORE as the scanner sees it',
      'First byte in to the response out. Large images take longer; a jump at the same size is the PACS, or the disk.',
      percentiles('dicom_server_operation_duration_seconds', `{${store}}`, ae, `{{${ae}}}`),
      { unit: 's' },
    ),
    lines(
      'answers that were no success',
      'By the class of status.',
      [
        [
          `sum by (${ae}, dicom_operation_name, dicom_status_class, error_type) (rate(dicom_server_operation_duration_seconds_count{dicom_status_class!="success", ${picked}}[$__rate_interval]))`,
          `{{${ae}}} {{dicom_operation_name}} {{dicom_status_class}} {{error_type}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'how associations ended',
      'released is how they should.',
      [
        [
          `sum by (${ae}, dicom_association_outcome) (rate(dicom_server_association_duration_seconds_count{${picked}}[$__rate_interval]))`,
          `{{${ae}}} {{dicom_association_outcome}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'how long associations last',
      'From the A-ASSOCIATE-RQ to the end.',
      percentiles('dicom_server_association_duration_seconds', `{${picked}}`, ae, `{{${ae}}}`),
      { unit: 's' },
    ),
    lines(
      'bytes received',
      'Told when an association ends.',
      [
        [
          `sum by (${ae}) (rate(radiotracer_io_bytes_total{dicom_association_role="server", network_io_direction="receive", ${picked}}[$__rate_interval]))`,
          `{{${ae}}}`,
        ],
      ],
      { unit: 'Bps' },
    ),
    lines(
      'from scanner to PACS, by kind of image',
      'By Modality (0008,0060): first byte in to confirmed by the destination.',
      percentiles(
        'radiotracer_delivery_duration_seconds',
        '{radiotracer_delivery_outcome="delivered"}',
        'dicom_modality',
        '{{dicom_modality}}',
      ),
      { unit: 's' },
    ),
  ],
};
