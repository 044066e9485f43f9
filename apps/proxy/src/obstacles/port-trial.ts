import { connect, createServer, type Server } from 'node:net';

export interface Place {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

const connectMs = 1000;
const firstFreePort = 1024;

/** Listens on all of these at once, as a start does, and ends it: what the system says against each. */
export async function tryPorts(places: readonly Place[]): Promise<readonly NodeJS.ErrnoException[]> {
  const servers: Server[] = [];
  const errors: NodeJS.ErrnoException[] = [];
  for (const place of places) {
    const server = createServer((socket) => socket.destroy());
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen({ ...place, exclusive: true }, () => resolve(undefined));
    });
    if (error === undefined) servers.push(server);
    else errors.push(await whyNot(error, place));
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return errors;
}

/** Whether it is for want of a privilege that whoever starts the proxy may have. */
export function lacksPrivilege({ code, port }: NodeJS.ErrnoException & { readonly port?: number }): boolean {
  return code === 'EACCES' && port !== undefined && port < firstFreePort && process.geteuid?.() !== 0;
}

/** Of a privileged port the system does not say that it is in use to those who may not have it. */
async function whyNot(error: NodeJS.ErrnoException, place: Place): Promise<NodeJS.ErrnoException> {
  if (!lacksPrivilege(error) || !(await isTaken(place))) return error;
  return Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', syscall: 'listen', address: place.host, port: place.port });
}

function isTaken({ host, port }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectMs });
    const answer = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => answer(true));
    for (const event of ['error', 'timeout']) socket.once(event, () => answer(false));
  });
}
