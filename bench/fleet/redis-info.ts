/** What a Redis says of itself: `INFO everything`, asked by redis-cli. */
import { run } from '../../test/fixtures/processes.ts';
import { threadsCpuMs } from '../shared/process-cost.ts';

/** All of it since the server started, but `usedBytes`. */
export interface RedisUse {
  /** Calls by command, in lower case; those that scripts make too. Without what asking this costs. */
  readonly calls: Readonly<Record<string, number>>;
  /** On the wire: into the server, out of it. */
  readonly inBytes: number;
  readonly outBytes: number;
  readonly cpuMs: number;
  /** `used_memory`. */
  readonly usedBytes: number;
  /** Of this answer: it is in `outBytes` of the next. */
  readonly answerBytes: number;
}

/** Asking: not what is asked about. */
const ours = ['info', 'command', 'command|docs', 'ping'];

export async function askRedis(address: string, port: number, pid: number): Promise<RedisUse> {
  const { code, stdout, output } = await run('redis-cli', ['-h', address, '-p', String(port), 'INFO', 'everything']);
  if (code !== 0) throw new Error(`redis-cli: ${output.slice(0, 300)}`);
  const { first, others } = threadsCpuMs(pid);
  return { ...readInfo(stdout), cpuMs: first + others };
}

function readInfo(text: string): Omit<RedisUse, 'cpuMs'> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(':');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  const number = (key: string): number => {
    const value = Number(values.get(key));
    if (!Number.isFinite(value)) throw new Error(`Redis's INFO has no ${key}: is it a version from 6 on?`);
    return value;
  };
  const calls: Record<string, number> = {};
  for (const [key, value] of values) {
    const command = /^cmdstat_(.+)$/.exec(key)?.[1];
    if (command !== undefined && !ours.includes(command)) calls[command] = Number(/calls=(\d+)/.exec(value)?.[1] ?? 0);
  }
  return {
    calls,
    inBytes: number('total_net_input_bytes'),
    outBytes: number('total_net_output_bytes'),
    usedBytes: number('used_memory'),
    answerBytes: Buffer.byteLength(text),
  };
}

/** What was used between two looks, of each of `count` things. */
export interface RedisCost {
  /** Calls of scripts (EVALSHA, …), each a round trip; and all calls, those inside the scripts too. */
  readonly scripts: number;
  readonly calls: number;
  readonly callsOf: Readonly<Record<string, number>>;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly cpuUs: number;
  readonly memoryBytes: number;
}

export function costBetween(before: RedisUse, after: RedisUse, count: number): RedisCost {
  const callsOf: Record<string, number> = {};
  for (const [command, calls] of Object.entries(after.calls)) {
    const more = calls - (before.calls[command] ?? 0);
    if (more > 0) callsOf[command] = more / count;
  }
  const sum = (commands: readonly string[]) => commands.reduce((all, command) => all + (callsOf[command] ?? 0), 0);
  return {
    scripts: sum(Object.keys(callsOf).filter((command) => /^(eval|evalsha|fcall)(_ro)?$/.test(command))),
    calls: sum(Object.keys(callsOf)),
    callsOf,
    inBytes: (after.inBytes - before.inBytes) / count,
    outBytes: (after.outBytes - before.outBytes - before.answerBytes) / count,
    cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / count,
    memoryBytes: (after.usedBytes - before.usedBytes) / count,
  };
}
