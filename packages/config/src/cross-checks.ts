/** What no single key can tell. Works on values that may be wrong in other ways, so that everything is told at once. */

import { isLoopbackHost } from './address-range.ts';
import { trimAeTitle } from './ae-title.ts';
import type { Finding } from './config-error.ts';
import { nearest } from './nearest.ts';
import { defaults } from './schema.ts';
import type { KeyPath } from './schema-walk.ts';

export function crossCheck(file: unknown): Finding[] {
  return [
    ...[...unknownDestinations(file), ...duplicateRoutes(file), ...sharedPorts(file), ...openAdmin(file), ...unsharedSchedule(file)],
    ...[...commitWithoutLedger(file), ...sharedReportTitle(file), ...unpairedKeys(file), ...clientsOfNobody(file)],
    ...statusesOfTwoMeanings(file),
  ];
}

function* unknownDestinations(file: unknown): Generator<Finding> {
  const destinations = field(file, 'destinations');
  // What is wrong with a list is told where it stands.
  if (Array.isArray(destinations)) return;
  const names = Object.keys(destinations ?? {});
  for (const [index, route] of list(field(file, 'routes')).entries()) {
    const to = field(route, 'to');
    if (typeof to !== 'string' || names.includes(to)) continue;
    const meant = nearest(to, names);
    const hint = meant === undefined ? `; there are: ${names.join(', ') || 'none'}` : `; did you mean "${meant}"?`;
    yield { code: 'no_such_destination', path: ['routes', index, 'to'], text: `found "${to}", which names no destination${hint}` };
  }
}

function* duplicateRoutes(file: unknown): Generator<Finding> {
  const seen = new Set<string>();
  for (const [index, route] of list(field(file, 'routes')).entries()) {
    const written = field(route, 'id');
    const id = typeof written === 'string' ? written : `route-${index + 1}`;
    const text = `found "${id}", which an earlier route has; allowed: a name of its own`;
    if (seen.has(id)) yield { code: 'duplicate', path: ['routes', index, 'id'], text };
    seen.add(id);
  }
}

/** Two that listen on one port of one address. Port 0 is another one each time. */
function* sharedPorts(file: unknown): Generator<Finding> {
  const admin = field(file, 'admin');
  const places = list(field(file, 'listeners')).map((listener, index) => ({
    path: ['listeners', index, 'port'] as KeyPath,
    host: field(listener, 'host') ?? defaults.listenerHost,
    port: field(listener, 'port'),
  }));
  places.push({
    path: ['admin', 'port'],
    host: field(admin, 'host') ?? defaults.adminHost,
    port: field(admin, 'port') ?? defaults.adminPort,
  });
  for (const [index, place] of places.entries()) {
    const other = places.slice(0, index).find(({ host, port }) => port === place.port && overlap(host, place.host));
    if (typeof place.port !== 'number' || place.port === 0 || other === undefined) continue;
    yield { code: 'duplicate', path: place.path, text: `found ${place.port}, on which another listener is; allowed: a port of its own` };
  }
}

function overlap(one: unknown, other: unknown): boolean {
  const [first, second] = [one, other].map((host) => (host === 'localhost' ? '127.0.0.1' : host));
  return first === second || [first, second].some((host) => host === '0.0.0.0' || host === '::');
}

function* openAdmin(file: unknown): Generator<Finding> {
  const admin = field(file, 'admin');
  const host = field(admin, 'host');
  if (typeof host !== 'string' || isLoopbackHost(host) || field(admin, 'token') !== undefined) return;
  const text = `found "${host}", which others can reach; allowed: a loopback address (127.0.0.1, ::1, localhost), or any with admin.token set`;
  yield { code: 'token_needed', path: ['admin', 'host'], text };
}

/** Of a schedule that only one proxy has, the others could deliver nothing. */
function* unsharedSchedule(file: unknown): Generator<Finding> {
  const shared = field(field(file, 'spool'), 'shared');
  if ((shared !== true && shared !== 'true') || field(field(file, 'queue'), 'redis') !== undefined) return;
  const text = 'found true without queue.redis; allowed: true with a schedule that all of them share, queue.redis, or false';
  yield { code: 'redis_needed', path: ['spool', 'shared'], text };
}

function commits(file: unknown): readonly string[] {
  const destinations = Object.entries(field(file, 'destinations') ?? {});
  return destinations.flatMap(([id, destination]) => (field(destination, 'commit') === 'afterBacklog' ? [id] : []));
}

function* commitWithoutLedger(file: unknown): Generator<Finding> {
  const enabled = field(field(file, 'integrity'), 'enabled');
  if (enabled !== false && enabled !== 'false') return;
  for (const id of commits(file)) {
    const text = 'found "afterBacklog" with integrity.enabled false; allowed: "never", or a ledger, which is where the answers are kept';
    yield { code: 'ledger_needed', path: ['destinations', id, 'commit'], text };
  }
}

/** Reports of our own storage commitments come to our title: one that a modality has too would keep its reports from it. */
function* sharedReportTitle(file: unknown): Generator<Finding> {
  if (commits(file).length === 0) return;
  const ours = trimmed(field(field(file, 'integrity'), 'callingAet') ?? defaults.integrityCallingAet);
  for (const [index, route] of list(field(file, 'routes')).entries()) {
    for (const key of ['calledAet', 'rewriteCallingAet']) {
      const title = field(route, key);
      if (typeof title !== 'string' || trimmed(title) !== ours) continue;
      const text = `found "${ours}", to which storage commitment is reported to the proxy itself; allowed: another title, or another integrity.callingAet`;
      yield { code: 'title_taken', path: ['routes', index, key], text };
    }
  }
}

/** A certificate is shown by who has its key. */
function* unpairedKeys(file: unknown): Generator<Finding> {
  for (const [id, destination] of Object.entries(field(file, 'destinations') ?? {})) {
    const tls = field(destination, 'tls');
    const [cert, key] = [field(tls, 'cert'), field(tls, 'key')];
    if ((cert === undefined) === (key === undefined)) continue;
    const [found, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const text = `found without tls.${missing}; allowed: both, or neither`;
    yield { code: 'key_needed', path: ['destinations', id, 'tls', found as string], text };
  }
}

/** Everyone's authorities are no one's to vouch for a scanner. */
function* clientsOfNobody(file: unknown): Generator<Finding> {
  for (const [index, listener] of list(field(file, 'listeners')).entries()) {
    const tls = field(listener, 'tls');
    const asked = field(tls, 'clientCertificate');
    if ((asked !== 'request' && asked !== 'require') || field(tls, 'ca') !== undefined) continue;
    const text = `found "${asked}" without tls.ca; allowed: with it, so that it is known whose certificates are taken, or "none"`;
    yield { code: 'ca_needed', path: ['listeners', index, 'tls', 'clientCertificate'], text };
  }
}

/** Of a status and a range that has it in it the status counts; of two that are the same, one would be as if it were not there. */
function* statusesOfTwoMeanings(file: unknown): Generator<Finding> {
  for (const [id, destination] of Object.entries(field(file, 'destinations') ?? {})) {
    const statuses = field(destination, 'statuses');
    const seen = new Map<string, string>();
    for (const key of ['delivered', 'retry', 'dead']) {
      for (const [index, pattern] of list(field(statuses, key)).entries()) {
        if (typeof pattern !== 'string') continue;
        const other = seen.get(pattern.toLowerCase()) ?? key;
        seen.set(pattern.toLowerCase(), other);
        if (other === key) continue;
        const text = `found "${pattern}", which statuses.${other} has as well; allowed: in one of them`;
        yield { code: 'duplicate', path: ['destinations', id, 'statuses', key, index], text };
      }
    }
  }
}

function trimmed(title: unknown): string {
  return typeof title === 'string' ? trimAeTitle(title) : '';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
