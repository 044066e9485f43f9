/** Real destinations that can be killed, stopped and started again, each with all that it ever stored. */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Orthanc, orthanc } from '../fixtures/orthanc.ts';
import { readPart10 } from '../fixtures/part10.ts';
import { freePort, listening } from '../fixtures/ports.ts';
import { RunningProcess } from '../fixtures/processes.ts';
import { Stage } from '../fixtures/stage.ts';
import { toolPath } from '../fixtures/tools.ts';

export interface StoredCopy {
  readonly sopInstanceUid: string;
  readonly dataSetBytes: number;
  readonly sha256: string;
}

export interface Pacs {
  readonly port: number;
  up(): Promise<void>;
  /** SIGTERM, and it is gone. */
  down(): Promise<void>;
  /** SIGKILL, of all its processes. What it acknowledged survives that, storescp's and Orthanc's alike. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT, of all its processes. */
  stop(): Promise<void>;
  go(): Promise<void>;
  /** Everything that it has, also what it has twice, and the beginnings of what it has not got whole. */
  copies(): Promise<readonly StoredCopy[]>;
}

/** The file is read in pieces: it may be larger than memory. */
async function copyIn(path: string): Promise<StoredCopy | undefined> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(64 * 1024);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const part10 = readPart10(head.subarray(0, bytesRead));
    if (part10 === undefined) return undefined;
    const start = bytesRead - part10.dataSet.length;
    const hash = createHash('sha256');
    let dataSetBytes = 0;
    for await (const piece of file.createReadStream({ start, autoClose: false, highWaterMark: 2 ** 20 })) {
      hash.update(piece as Buffer);
      dataSetBytes += (piece as Buffer).length;
    }
    return { sopInstanceUid: part10.sopInstanceUid, dataSetBytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

function copyOf(file: Buffer): StoredCopy | undefined {
  const part10 = readPart10(file);
  if (part10 === undefined) return undefined;
  const { sopInstanceUid, dataSet } = part10;
  return { sopInstanceUid, dataSetBytes: dataSet.length, sha256: createHash('sha256').update(dataSet).digest('hex') };
}

/** storescp, a process per association (`--fork`), a file per C-STORE (`+uf`), bytes as they came (`+B`). */
export async function storescpPacs(stage: Stage, folder: string): Promise<Pacs> {
  const path = toolPath('storescp');
  if (path === undefined) throw new Error('storescp is not installed');
  const port = await freePort();
  const received = join(folder, 'received');
  await mkdir(received, { recursive: true });
  let parent: RunningProcess | undefined;
  const children = async (): Promise<number[]> => {
    if (parent === undefined || parent.exit !== undefined) return [];
    const text = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'latin1').catch(() => '');
    return text.split(' ').filter(Boolean).map(Number);
  };
  const toChildren = async (signal: NodeJS.Signals) => {
    for (const pid of await children()) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended by itself.
      }
    }
  };
  const kill = async () => {
    // Stopped first, so that it has no more children than are seen.
    parent?.signal('SIGSTOP');
    await toChildren('SIGKILL');
    const ending = parent;
    parent = undefined;
    await ending?.end('SIGKILL');
  };
  stage.defer(kill);
  return {
    port,
    up: async () => {
      if (parent !== undefined) return;
      parent = new RunningProcess(path, ['--fork', '+uf', '+B', '-dhl', '-pdu', '131072', '-od', received, String(port)], {
        env: { ...process.env, TCP_NODELAY: '1' },
      });
      await listening(port, parent);
    },
    down: async () => {
      const ending = parent;
      await toChildren('SIGTERM');
      parent = undefined;
      await ending?.end('SIGTERM');
    },
    kill,
    stop: async () => {
      parent?.signal('SIGSTOP');
      await toChildren('SIGSTOP');
    },
    go: async () => {
      await toChildren('SIGCONT');
      parent?.signal('SIGCONT');
    },
    copies: async () => {
      const found: StoredCopy[] = [];
      for (const name of await readdir(received)) {
        const copy = await copyIn(join(received, name));
        if (copy !== undefined) found.push(copy);
      }
      return found;
    },
  };
}

/** Orthanc, over restarts in one store. It counts duplicates for itself and keeps one. */
export async function orthancPacs(stage: Stage, folder: string): Promise<Pacs> {
  const port = await freePort();
  const storage = join(folder, 'orthanc');
  await mkdir(storage, { recursive: true });
  let running: { readonly server: Orthanc; readonly stage: Stage } | undefined;
  const down = async () => {
    const ending = running;
    running = undefined;
    await ending?.stage.clear();
  };
  stage.defer(down);
  return {
    port,
    up: async () => {
      if (running !== undefined) return;
      const own = new Stage();
      const server = await orthanc(own, { aet: 'PACS', port, more: { StorageDirectory: storage, IndexDirectory: storage } });
      running = { server, stage: own };
    },
    down,
    kill: async () => {
      await running?.server.process.end('SIGKILL');
      await down();
    },
    stop: async () => running?.server.process.signal('SIGSTOP'),
    go: async () => running?.server.process.signal('SIGCONT'),
    copies: async () => {
      const found: StoredCopy[] = [];
      const instances = (await running?.server.rest('/instances')) as readonly string[];
      for (const id of instances) {
        const answer = await fetch(`http://127.0.0.1:${running?.server.httpPort}/instances/${id}/file`);
        const copy = copyOf(Buffer.from(await answer.arrayBuffer()));
        if (copy !== undefined) found.push(copy);
      }
      return found;
    },
  };
}
