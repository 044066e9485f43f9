import { type Dashboard, lines, percentiles, table } from './panel.ts';

const id = 'radiotracer_destination_id';
const picked = `${id}=~"$destination"`;

export const destination: Dashboard = {
  uid: 'destination',
  title: 'destination',
  description: 'What a PACS does to us: is it there, how fast does it answer, and what does it say.',
  variables: [{ name: 'destination', label: 'destination', metric: 'radiotracer_destination_status', of: id }],
  panels: [
    table('state', '1 is the state that it is in, as the proxy that is worst off sees it.', [
      [`max by (${id}, radiotracer_destination_state) (radiotracer_destination_status{${picked}}) == 1`],
    ]),
    lines('down', '1 while it is taken to be down: not waited for, asked by C-ECHO until it answers.', [
      [`max by (${id}) (radiotracer_destination_status{radiotracer_destination_state="down", ${picked}})`, `{{${id}}}`],
      [
        `max by (${id}, radiotracer_circuit_state) (radiotracer_circuit_state{radiotracer_circuit_state!="closed", ${picked}})`,
        `{{${id}}}: circuit {{radiotracer_circuit_state}}`,
      ],
    ]),
    lines(
      'C-STORE at the destination',
      'Request out to the response in. At 8 a.m. this is where a slow PACS is seen.',
      percentiles('dicom_client_operation_duration_seconds', `{dicom_operation_name="C-STORE", ${picked}}`, id, `{{${id}}}`),
      { unit: 's' },
    ),
    lines(
      'what it says',
      'Operations by the class of their status; none: it did not answer.',
      [
        [
          `sum by (${id}, dicom_operation_name, dicom_status_class) (rate(dicom_client_operation_duration_seconds_count{${picked}}[$__rate_interval]))`,
          `{{${id}}} {{dicom_operation_name}} {{dicom_status_class}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'why operations failed',
      'The closed list of error.type.',
      [
        [
          `sum by (${id}, error_type) (rate(dicom_client_operation_duration_seconds_count{error_type!="", ${picked}}[$__rate_interval]))`,
          `{{${id}}} {{error_type}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'how associations ended',
      'released is how they should. rejected: are the AE titles known to it?',
      [
        [
          `sum by (${id}, dicom_association_outcome, error_type) (rate(dicom_client_association_duration_seconds_count{${picked}}[$__rate_interval]))`,
          `{{${id}}} {{dicom_association_outcome}} {{error_type}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'taken over',
      'Associations that went on in its place.',
      [
        [
          `sum by (${id}, radiotracer_take_over_when, error_type) (rate(radiotracer_take_overs_total{${picked}}[$__rate_interval]))`,
          `{{${id}}} {{radiotracer_take_over_when}} {{error_type}}`,
        ],
      ],
      { unit: 'cps' },
    ),
    lines(
      'from scanner to this PACS',
      'First byte in to confirmed; relayed and queued.',
      percentiles('radiotracer_delivery_duration_seconds', `{radiotracer_delivery_outcome="delivered", ${picked}}`, id, `{{${id}}}`),
      { unit: 's' },
    ),
    lines(
      'possible duplicates',
      'Attempts whose outcome nobody knows: the PACS may have the instance twice. An upper bound.',
      [[`sum by (${id}) (rate(radiotracer_delivery_possible_duplicates_total{${picked}}[$__rate_interval])) or vector(0)`, `{{${id}}}`]],
      { unit: 'cps' },
    ),
    lines(
      'certificates: until they expire',
      'That which it has last shown (peer), and ours for it (self). Below 0 it has expired, and TLS with it ends.',
      [
        [
          `min by (${id}, radiotracer_tls_certificate_owner) (radiotracer_tls_certificate_expiry_seconds{${picked}})`,
          `{{${id}}} {{radiotracer_tls_certificate_owner}}`,
        ],
      ],
      { unit: 's' },
    ),
    lines('associations now', 'Opened with it by all proxies.', [
      [`sum by (${id}) (dicom_client_association_active{${picked}}) or vector(0)`, `{{${id}}}`],
    ]),
    lines(
      'bytes sent',
      'Told when an association ends.',
      [
        [
          `sum by (${id}) (rate(radiotracer_io_bytes_total{dicom_association_role="client", network_io_direction="transmit", ${picked}}[$__rate_interval]))`,
          `{{${id}}}`,
        ],
      ],
      { unit: 'Bps' },
    ),
    lines(
      'C-STORE spans, with their traces',
      'Each dot is a C-STORE to this destination; it opens the trace of its study.',
      [
        [
          `histogram_quantile(0.95, sum by (le, ${id}) (rate(traces_span_metrics_duration_seconds_bucket{span_kind="SPAN_KIND_CLIENT", radiotracer_trace_kind="study", ${picked}}[$__rate_interval])))`,
          `{{${id}}} p95`,
        ],
      ],
      { unit: 's' },
    ),
  ],
};
