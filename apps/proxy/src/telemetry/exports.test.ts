/** What is said when a receiver does not take telemetry: real ones that misbehave, the real SDK, and the line of the log. */
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { configFrom } from '@radiotracer/config';
import { authority } from '../../../../test/fixtures/certificates.ts';
import { freePort } from '../../../../test/fixtures/ports.ts';
import { Stage } from '../../../../test/fixtures/stage.ts';
import { tryExports } from './export-trial.ts';
import { startTelemetry, type TelemetryHere } from './start-telemetry.ts';
import { operation, pair, released, siteKey } from './testing/scripted-events.ts';

const stage = new Stage();
afterEach(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  await stage.clear();
});

async function listen(server: TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.defer(async () => {
    (server as Partial<Server>).closeAllConnections?.();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers when it has read the request. */
const answering = (answer: RequestListener) =>
  createServer((request, response) => void request.resume().on('end', () => answer(request, response)));
const status = (code: number, body = '') => answering((_, response) => response.writeHead(code).end(body));
const poison = ['POISON', 'jane', '19620401', '1.2.840.4711', 'secret'];

interface Line extends Record<string, unknown> {
  readonly level: string;
  readonly message: string;
}

function telemetryTo(otlp: string | undefined): { readonly telemetry: TelemetryHere; readonly lines: Line[] } {
  const lines: Line[] = [];
  const sink = (level: string) => (fields: object, message: string) => void lines.push({ ...fields, level, message });
  const config = configFrom({
    listeners: [{ port: 0 }],
    destinations: { pacs: { host: '127.0.0.1', port: 1 } },
    routes: [{ to: 'pacs' }],
    telemetry: otlp === undefined ? {} : { otlp },
    integrity: { enabled: false },
  });
  const telemetry = startTelemetry(config, {
    ...{ version: '0', siteKey, logger: { info: sink('info'), warn: sink('warn'), error: sink('error') } },
    loopDelay: async () => undefined as never,
  });
  stage.defer(() => telemetry.shutdown());
  return { telemetry, lines };
}

async function told(otlp: string | undefined): Promise<{ readonly lines: readonly Line[]; readonly metrics: string }> {
  // Each signal is tried for so long at most.
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] ??= '400';
  const { telemetry, lines } = telemetryTo(otlp);
  for (const event of [...pair, operation(), ...released]) telemetry.publish(event);
  await telemetry.flush();
  const metrics = (await telemetry.metricsText()) ?? '';
  return { metrics, lines: lines.filter((line) => line['telemetry.signal'] !== undefined) };
}

const reasons: readonly (readonly [string, string, () => Promise<string>])[] = [
  ['a port where nobody listens', 'connection_refused', async () => `http://127.0.0.1:${await freePort()}`],
  ['a receiver that hangs', 'timeout', async () => `http://${await listen(createServer(() => {}))}`],
  [
    'one that hangs up',
    'connection_closed',
    async () => `http://${await listen(createTcpServer((one) => void one.on('data', () => one.destroy())))}`,
  ],
  ['the port of gRPC', 'not_http', async () => `http://${await listen(createHttp2Server())}`],
  ['https, where http is', 'not_tls', async () => `https://${await listen(status(200))}`],
  ['a redirect', 'redirected 307', async () => `http://${await listen(status(307))}`],
  ['a status', 'unauthorized 401', async () => `http://${await listen(status(401, 'POISON'))}`],
  ['a status', 'unauthorized 403', async () => `http://${await listen(status(403, 'POISON'))}`],
  ['a status', 'not_found 404', async () => `http://${await listen(status(404, 'POISON'))}`],
  ['a status', 'too_large 413', async () => `http://${await listen(status(413, 'POISON'))}`],
  ['a status', 'no_json 415', async () => `http://${await listen(status(415, 'POISON'))}`],
  ['a status', 'refused 400', async () => `http://${await listen(status(400, 'POISON'))}`],
  ['a status', 'server_error 500', async () => `http://${await listen(status(500, 'POISON'))}`],
  ['a status', 'unavailable', async () => `http://${await listen(status(503, 'POISON'))}`],
];

test.each(reasons)('%s: %s, with the address and what to do', async (_name, reason, receiver) => {
  const otlp = await receiver();
  const configured = otlp.replace('://', '://user:secret@');
  const { lines } = await told(configured);
  const tried = tryExports(configured);
  const of = (signal: string) => lines.filter((line) => line['telemetry.signal'] === signal);
  for (const signal of ['traces', 'metrics']) {
    const [line, ...others] = of(signal);
    expect(others).toEqual([]);
    const { level, message, 'url.full': url, 'telemetry.configured_by': from } = line ?? ({} as Line);
    expect({ level, message, url, from }).toEqual({
      ...{ level: 'warn', message: 'telemetry is not being taken; images are not affected' },
      ...{ url: `${otlp}/v1/${signal}`, from: 'telemetry.otlp' },
    });
    expect([line?.['error.type'], line?.['http.response.status_code']].filter((one) => one !== undefined).join(' ')).toBe(reason);
    expect(line?.['error.message']).toMatch(/^[a-z].{10,}/);
    // And said beforehand, to who asks.
    const trial = (await tried).find((one) => one.signal === signal);
    expect({
      ...trial,
      type: [trial?.failure?.errorType, trial?.failure?.httpStatus].filter((one) => one !== undefined).join(' '),
    }).toEqual({ signal, url, from, type: reason, failure: expect.objectContaining({ advice: line?.['error.message'] }) });
  }
  expect(poison.filter((one) => JSON.stringify(lines).includes(one))).toEqual([]);
});

test('asked beforehand, a receiver that takes telemetry gets nothing that it would keep; one that answers no OTLP is told', async () => {
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    text(request).then((body) => {
      bodies.push(`${request.url} ${body}`);
      response.end('{}');
    });
  });
  const otlp = `http://${await listen(receiver)}`;
  expect(await tryExports(otlp)).toEqual(
    ['traces', 'metrics'].map((signal) => ({ signal, url: `${otlp}/v1/${signal}`, from: 'telemetry.otlp', failure: undefined })),
  );
  expect(bodies.sort()).toEqual([
    expect.stringMatching(/^\/v1\/metrics \{"resourceMetrics":\[\{"resource":\{"attributes":\[\].*"scopeMetrics":\[\]\}\]\}$/),
    '/v1/traces {"resourceSpans":[]}',
  ]);
  const page = await tryExports(`http://${await listen(status(200, '<html>'))}`);
  expect(page.map(({ failure }) => failure?.errorType)).toEqual(['unreadable', 'unreadable']);
  process.env['OTEL_TRACES_EXPORTER'] = 'none';
  expect((await tryExports(otlp)).map(({ signal }) => signal)).toEqual(['metrics']);
  expect(await tryExports(undefined)).toEqual([]);
  process.env['OTEL_SDK_DISABLED'] = 'true';
  expect(await tryExports(otlp)).toEqual([]);
});

describe('certificates', () => {
  const secure = async (files: { readonly cert: string; readonly key: string }, more: object = {}) =>
    `https://${await listen(
      createHttpsServer({ cert: await readFile(files.cert), key: await readFile(files.key), ...more }, (request, response) => {
        request.resume().on('end', () => response.end('{}'));
      }),
    )}`;

  test('one that nobody known has signed, one for another name, and one of ours that is wanted', async () => {
    const ca = await authority(stage);
    const own = await ca.issue('localhost');
    const other = await ca.issue('elsewhere', { names: ['DNS:elsewhere.example'] });
    const why = async (otlp: string) => (await told(otlp)).lines.map((line) => line['error.type']);
    expect(await why(await secure(own))).toEqual(['certificate', 'certificate']);
    process.env['OTEL_EXPORTER_OTLP_CERTIFICATE'] = ca.ca;
    const named = (await secure(own)).replace('127.0.0.1', 'localhost');
    expect(await why(named)).toEqual([]);
    expect(await why(await secure(other))).toEqual(['certificate', 'certificate']);
    const strict = (await secure(own, { requestCert: true, ca: await readFile(ca.ca) })).replace('127.0.0.1', 'localhost');
    expect(await why(strict)).toEqual(['client_certificate', 'client_certificate']);
  });
});

test('when it is taken again that is said, with how much was lost and for how long', async () => {
  const { telemetry, lines } = telemetryTo(undefined);
  expect(lines).toEqual([]);
  await telemetry.shutdown();
  let isUp = false;
  const receiver = answering((_, response) => response.writeHead(isUp ? 200 : 400).end('{}'));
  const { telemetry: later, lines: told } = telemetryTo(`http://${await listen(receiver)}/otlp`);
  for (const event of [...pair, ...released]) later.publish(event);
  await later.flush();
  isUp = true;
  for (const event of [...pair, ...released]) later.publish(event);
  await later.flush();
  const again = told.filter((line) => line.message === 'telemetry is being taken again' && line['telemetry.signal'] === 'traces');
  expect(again).toMatchObject([{ level: 'info', 'url.full': expect.stringMatching(/\/otlp\/v1\/traces$/), 'telemetry.lost': 2 }]);
});

describe('a receiver that takes an export and throws a part of it away', () => {
  const message = 'too many spans of "jane", POISON^JANE born 19620401, study 1.2.840.4711: raise the limit';
  const partial = (count: unknown) =>
    answering(({ url }, response) => {
      const key = url === '/v1/traces' ? 'rejectedSpans' : 'rejectedDataPoints';
      response.end(JSON.stringify({ partialSuccess: { [key]: count, errorMessage: message } }));
    });
  const rejectedBy = (metrics: string, signal: string) =>
    Number(new RegExp(`^radiotracer_telemetry_rejected_total\\{.*signal="${signal}".*\\} (\\d+)`, 'm').exec(metrics)?.[1]);

  test.each<[unknown, number]>([
    ['1', 1],
    [1, 1],
    ['1000000', 6],
  ])('%j of them: counted, for each signal, and told without what it quotes', async (count, spans) => {
    const { lines, metrics } = await told(`http://${await listen(partial(count))}`);
    expect(rejectedBy(metrics, 'traces')).toBe(spans);
    expect(rejectedBy(metrics, 'metrics')).toBeGreaterThanOrEqual(1);
    for (const signal of ['traces', 'metrics']) {
      const [line, ...others] = lines.filter((one) => one['telemetry.signal'] === signal);
      expect(others).toEqual([]);
      expect(line).toMatchObject({
        ...{ level: 'warn', message: 'telemetry is thrown away by its receiver; images are not affected', 'error.type': 'rejected' },
        'telemetry.answer': 'too many spans of … born … study … raise the limit',
      });
      expect(line?.['telemetry.rejected']).toBe(rejectedBy(metrics, signal));
    }
    expect(poison.filter((one) => JSON.stringify(lines).includes(one))).toEqual([]);
  });

  test.each(['0', undefined, -3, 'many', {}])('%j of them is none: its warning is told', async (count) => {
    const { lines, metrics } = await told(`http://${await listen(partial(count))}`);
    expect([rejectedBy(metrics, 'traces'), rejectedBy(metrics, 'metrics')]).toEqual([0, 0]);
    expect(lines.map((line) => line['error.type'])).toEqual(['warning', 'warning']);
  });

  test('what answers no OTLP, as a page does, is told; what says that all is well is not', async () => {
    const page = await told(`http://${await listen(status(200, '<html>POISON, log in please'))}`);
    expect(page.lines.map((line) => line['error.type'])).toEqual(['unreadable', 'unreadable']);
    expect(JSON.stringify(page.lines)).not.toContain('POISON');
    for (const body of ['', '{}', '{"partialSuccess":{}}', '{"partialSuccess":null}'])
      expect((await told(`http://${await listen(status(200, body))}`)).lines).toEqual([]);
  });
});
