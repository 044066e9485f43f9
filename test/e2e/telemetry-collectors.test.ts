/** Collectors that are worse than none: whatever they answer, instances go through, memory stays bounded and the process ends in time. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../fixtures/deadline.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { ctImageStorage, explicitVrLittleEndian } from '../fixtures/raw-pdu.ts';
import { rawScp } from '../fixtures/raw-scp.ts';
import { rawAssociate, rawStore } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

/** What it does with an export, once it has been read; it counts what it sent. */
type Collector = (request: IncomingMessage, response: ServerResponse, sent: (bytes: number) => void) => void;

const MIB = 1024 * 1024;
/** By what it does: what `error.type` the log has for it, and how it is done. */
const collectors: Readonly<Record<string, readonly [string, Collector]>> = {
  'closes the connection': ['connection_closed', (request) => request.socket.destroy()],
  'is full and says to come again in an hour': [
    'unavailable',
    (_request, response) => void response.writeHead(429, { 'retry-after': '3600' }).end(),
  ],
  'takes it and says that it has rejected all of it': [
    'rejected',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const all = { rejectedSpans: '1000000', rejectedDataPoints: '1000000' };
      response.end(JSON.stringify({ partialSuccess: { ...all, errorMessage: 'x'.repeat(MIB) } }));
    },
  ],
  'answers what is no OTLP': [
    'unreadable',
    (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":'),
  ],
  'sends the client to itself, for ever': [
    'redirected',
    (request, response) => void response.writeHead(307, { location: request.url ?? '/' }).end(),
  ],
  'answers without end': [
    'endless_answer',
    (_request, response, sent) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const chunk = Buffer.alloc(MIB, '[');
      const more = () => {
        while (!response.destroyed) {
          sent(chunk.length);
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    },
  ],
};

test.each(Object.entries(collectors))(
  'a collector that %s',
  async (_name, [errorType, answer]) => {
    let exports = 0;
    let sentBytes = 0;
    const server = createServer((request, response) => {
      request.resume();
      response.on('error', () => {});
      request.on('end', () => {
        exports += 1;
        answer(request, response, (bytes) => {
          sentBytes += bytes;
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const scp = await rawScp(stage);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: scp.port } },
      otlp: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      env: { OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_METRIC_EXPORT_INTERVAL: '200', OTEL_METRIC_EXPORT_TIMEOUT: '200' },
    });
    let number = 0;
    // Until it has been told some things, and has had time to say what it wants: an instance at a time.
    await eventually(
      'exports',
      async () => {
        const { connection } = await rawAssociate(stage, proxy.port, {
          contexts: [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }],
        });
        const [instance] = [...generateStudy({ slices: 1, rows: 16, columns: 16, seed: number })] as [GeneratedInstance];
        const { sopInstanceUid, bytes, dataSetOffset } = instance;
        const dataSet = Buffer.from(bytes.subarray(dataSetOffset));
        const store = { contextId: 1, messageId: 1, sopClassUid: ctImageStorage, sopInstanceUid, dataSet };
        expect(await rawStore(connection, store)).toBe(0);
        number += 1;
        await connection.release();
        return number >= 40 && exports >= 3 && (sentBytes === 0 || sentBytes > 256 * MIB);
      },
      40_000,
    );
    expect(proxy.process.memory().peakBytes).toBeLessThan(200e6);
    // Told of each signal at once, and then no more than now and again.
    const lines = await eventually('the log', () => {
      const told = proxy.logs().filter((line) => line['telemetry.signal'] !== undefined);
      return new Set(told.map((line) => line['telemetry.signal'])).size === 2 && told;
    });
    expect(lines.length).toBeLessThan(10);
    expect([...new Set(lines.map((line) => line['error.type']))]).toEqual([errorType]);
    const rejected = await rejectedOf(proxy.adminPort);
    expect(rejected.map((count) => count > 0)).toEqual(errorType === 'rejected' ? [true, true] : [false, false]);
    await proxy.stop();
  },
  90_000,
);

/** Spans and data points, as `/metrics` counts them. */
async function rejectedOf(adminPort: number): Promise<number[]> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  const text = await answer.text();
  return ['traces', 'metrics'].map((signal) =>
    Number(new RegExp(`^radiotracer_telemetry_rejected_total\\{.*signal="${signal}".*\\} (\\d+)`, 'm').exec(text)?.[1]),
  );
}
