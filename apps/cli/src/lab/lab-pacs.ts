/** The PACS of the lab: a storage SCP that takes everything, and keeps of each data set its length and its digest. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
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
  /** Dies: its connections are reset in the middle of whatever they were at, and nothing listens any more. */
  fail(): void;
  /** Is back, on the same port. */
  recover(): Promise<void>;
  /** Resets what is open, and closes. */
  close(): Promise<void>;
}

const host = '127.0.0.1';

export interface LabPacsListener {
  /** A C-STORE has begun to come. */
  begun(): void;
  /** Called before the instance is acknowledged. */
  stored(instance: StoredInstance): void;
}

/** Listens on loopback, on any free port. */
export async function startLabPacs(listener: LabPacsListener): Promise<LabPacs> {
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
        message: (message) => store(message, listener),
        ended() {},
        closed: () => open.delete(acceptor),
      },
    );
    open.add(acceptor);
  };
  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    server = createServer(serverOptions, accept);
    server.listen({ host, port });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const fail = () => {
    server?.close();
    server = undefined;
    for (const acceptor of open) acceptor.destroy();
  };
  const port = await listen(0);
  return {
    port,
    fail,
    recover: async () => void (await listen(port)),
    close: async () => {
      const closed = server === undefined ? undefined : once(server, 'close');
      fail();
      await closed;
    },
  };
}

function store({ command, respond }: ReceivedMessage, listener: LabPacsListener): DataSetSink | undefined {
  const sopInstanceUid = command.affectedSopInstanceUid;
  if (command.commandField !== CommandField.cStoreRq || sopInstanceUid === undefined || !command.hasDataSet) {
    respond(responseTo(command, Status.unrecognizedOperation));
    return undefined;
  }
  listener.begun();
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    piece: (buffer, start, end) => {
      hash.update(buffer.subarray(start, end));
      bytes += end - start;
    },
    flush() {},
    end: () => {
      listener.stored({ sopInstanceUid, bytes, digest: hash.digest('hex') });
      respond(responseTo(command, Status.success));
    },
    lost() {},
  };
}
