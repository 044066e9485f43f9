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
const collectors: Readonly<Record<string, Collector>> = {
  'closes the connection': (request) => request.socket.destroy(),
  'is full and says to come again in an hour': (_request, response) => void response.writeHead(429, { 'retry-after': '3600' }).end(),
  'takes it and says that it has rejected all of it': (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ partialSuccess: { rejectedSpans: '1000000', errorMessage: 'x'.repeat(MIB) } }));
  },
  'answers what is no OTLP': (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":'),
  'sends the client to itself, for ever': (request, response) => void response.writeHead(307, { location: request.url ?? '/' }).end(),
  'answers without end': (_request, response, sent) => {
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
};

test.each(Object.entries(collectors))(
  'a collector that %s',
  async (_name, answer) => {
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
    await proxy.stop();
  },
  90_000,
);
