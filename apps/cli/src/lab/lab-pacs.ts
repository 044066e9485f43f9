/** The PACS of the lab: a storage SCP that takes everything, and keeps of each data set its length and its digest. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  Acceptor,
  acceptContexts,
  acceptTransport,
  type DataSetSink,
  ReadBufferPool,
  type ReceivedMessage,
  responseTo,
  serverOptions,
  systemClock,
} from '@radiotracer/upper-layer';
import { CommandField, Status } from '@radiotracer/wire';

/** A data set that arrived whole. */
export interface StoredInstance {
  readonly sopInstanceUid: string;
  readonly bytes: number;
  /** SHA-256 of the data set, hexadecimal. */
  readonly digest: string;
}

export interface LabPacs {
  readonly port: number;
  /** Aborts what is open, and closes. */
  close(): Promise<void>;
}

const host = '127.0.0.1';

/** Listens on loopback, on any free port. `onStored` is called before the instance is acknowledged. */
export async function startLabPacs(onStored: (instance: StoredInstance) => void): Promise<LabPacs> {
  const pool = new ReadBufferPool();
  const open = new Set<Acceptor>();
  const accept = (socket: Socket) => {
    const acceptor: Acceptor = new Acceptor(
      {
        transport: acceptTransport(socket, pool),
        peer: `${socket.remoteAddress}:${socket.remotePort}`,
        negotiate: (rq) => ({ contexts: acceptContexts(rq, (_abstractSyntax, transferSyntaxes) => transferSyntaxes[0]) }),
        maxPduBytes: 128 * 1024,
        timeouts: { artimMs: 5_000, connectMs: 0, associateMs: 0, releaseMs: 5_000, idleMs: 600_000 },
        limits: { maxCommandBytes: 64 * 1024, maxOpenRequests: 16 },
        clock: systemClock,
      },
      {
        message: (message) => store(message, onStored),
        ended() {},
        closed: () => open.delete(acceptor),
      },
    );
    open.add(acceptor);
  };
  const server = createServer(serverOptions, accept);
  server.listen({ host, port: 0 });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const acceptor of open) acceptor.destroy();
      await closed;
    },
  };
}

function store({ command, respond }: ReceivedMessage, onStored: (instance: StoredInstance) => void): DataSetSink | undefined {
  const sopInstanceUid = command.affectedSopInstanceUid;
  if (command.commandField !== CommandField.cStoreRq || sopInstanceUid === undefined || !command.hasDataSet) {
    respond(responseTo(command, Status.unrecognizedOperation));
    return undefined;
  }
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    piece: (buffer, start, end) => {
      hash.update(buffer.subarray(start, end));
      bytes += end - start;
    },
    flush() {},
    end: () => {
      onStored({ sopInstanceUid, bytes, digest: hash.digest('hex') });
      respond(responseTo(command, Status.success));
    },
    lost() {},
  };
}
