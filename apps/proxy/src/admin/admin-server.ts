import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

export interface AdminServer {
  readonly host: string;
  /** The real one, also where 0 was asked for. */
  readonly port: number;
  /** Ends requests in flight too. */
  close(): Promise<void>;
}

/** File descriptors that are left to associations, whoever connects here; a request comes whole in so long, or its connection is closed. */
const maxConnections = 256;
const requestMs = 10_000;
const serverOptions = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: 1000 };

/** Rejects with the system's error (`EADDRINUSE`, `EACCES`, …) when it cannot listen. `port` 0: any free one. */
export async function listenAdmin(app: Hono, host: string, port: number): Promise<AdminServer> {
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
