/**
 * A network of this bench's own: every host is a network namespace, all of them on one bridge.
 *
 *     bench (its own namespace) ── veth ──┐
 *     namespace of a host ─────── veth ──┼── bridge, in a namespace of its own: no firewall rule of this machine meets it
 *     namespace of a host ─────── veth ──┘
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Stage } from '../../test/fixtures/stage.ts';
import { missingTools, toolPath } from '../../test/fixtures/tools.ts';

export interface Host {
  readonly name: string;
  readonly address: string;
  /** In front of a command, it runs there; the process is the command's own. */
  readonly through: readonly string[];
}

/** Why no network can be made here, and what to do; undefined when it can. */
export function missingForNetwork(): string | undefined {
  const missing = missingTools('ip');
  if (missing !== undefined) return `${missing} (Debian: iproute2)`;
  if (process.getuid?.() === 0) return undefined;
  return 'not root: each proxy gets a network namespace of its own (ip netns), which only root may make; nothing was changed. Run it with sudo, or as root in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN';
}

/** The first three numbers of its addresses: of 198.18.0.0/15, which is kept free for benchmarks (RFC 2544), another for each process. */
const subnet = `198.18.${process.pid % 256}`;
const prefix = `rt${process.pid}`;

/** The hosts by their names. The stage removes all of it. */
export function makeNetwork<Name extends string>(stage: Stage, names: readonly Name[]): Readonly<Record<Name, Host>> {
  removeLeftovers();
  const made: string[] = [];
  let isPlugged = false;
  stage.defer(() => {
    // Interfaces go with their namespace, some time later; ours now, so that the next network can have it.
    if (isPlugged) ip('link', 'del', prefix);
    for (const namespace of made.reverse()) ip('netns', 'del', namespace);
  });
  const namespace = (name: string): string => {
    const full = `${prefix}-${name}`;
    ip('netns', 'add', full);
    made.push(full);
    return full;
  };
  const lan = namespace('lan');
  ip('-n', lan, 'link', 'add', 'bridge', 'type', 'bridge');
  ip('-n', lan, 'link', 'set', 'bridge', 'up');
  const plug = (port: string, ...other: readonly string[]) => {
    ip('-n', lan, 'link', 'add', port, 'type', 'veth', 'peer', 'name', ...other);
    ip('-n', lan, 'link', 'set', port, 'master', 'bridge', 'up');
  };
  plug('bench', prefix, 'netns', String(process.pid));
  isPlugged = true;
  ip('address', 'add', `${subnet}.1/24`, 'dev', prefix);
  ip('link', 'set', prefix, 'up');
  const hosts = names.map((name, index): [Name, Host] => {
    const own = namespace(name);
    const address = `${subnet}.${index + 2}`;
    plug(`port${index}`, 'eth0', 'netns', own);
    ip('-n', own, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', own, 'link', 'set', 'eth0', 'up');
    ip('-n', own, 'link', 'set', 'lo', 'up');
    return [name, { name, address, through: [toolPath('ip') ?? 'ip', 'netns', 'exec', own] }];
  });
  return Object.fromEntries(hosts) as Record<Name, Host>;
}

/** Of a bench that was killed. */
function removeLeftovers(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const [name = ''] = line.split(' ');
    const pid = /^rt(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip('netns', 'del', name);
  }
}

function ip(...args: readonly string[]): string {
  try {
    return execFileSync(toolPath('ip') ?? 'ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`ip ${args.join(' ')}: ${said}. The bench needs to make network namespaces; a container may forbid it`);
  }
}
