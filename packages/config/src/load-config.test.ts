import fc from 'fast-check';
import { ConfigError, configFrom, loadConfig, type Problem, parseConfig } from './index.ts';

const SMALLEST = `
listeners: [{ port: 11112 }]
destinations: { pacs: { host: 10.1.2.3, port: 104 } }
routes: [{ to: pacs }]
`;

function problemsOf(text: string, env: Record<string, string> = {}): readonly Problem[] {
  try {
    parseConfig(text, 'f.yaml', env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function lines(text: string, env: Record<string, string> = {}): string[] {
  return problemsOf(text, env).map(({ where, message }) => `${where}: ${message}`);
}

function noSuchFile(file: string): Promise<string> {
  return Promise.reject(Object.assign(new Error(`no ${file}`), { code: 'ENOENT' }));
}

test('three keys are enough; the rest has its default', () => {
  expect(parseConfig(SMALLEST)).toEqual({
    listeners: [{ host: '0.0.0.0', port: 11112 }],
    destinations: {
      pacs: {
        id: 'pacs',
        host: '10.1.2.3',
        port: 104,
        aet: undefined,
        timeouts: {
          artimMs: 30_000,
          connectMs: 5_000,
          associateMs: 30_000,
          dimseResponseMs: 0,
          storeResponseMs: 20_000,
          idleMs: 600_000,
          releaseMs: 10_000,
        },
        maxAssociations: 2,
        retry: { initialMs: 5000, maxMs: 600_000, budgetMs: 604_800_000 },
        circuit: { failures: 3, probeMs: 10_000 },
        statuses: { delivered: [], retry: [], dead: [] },
        verify: true,
        commit: 'never',
      },
    },
    routes: [{ id: 'route-1', to: 'pacs', onFailure: 'spool', mode: 'relay', sopClasses: [], transferSyntaxes: [] }],
    timeouts: {
      artimMs: 30_000,
      connectMs: 5_000,
      associateMs: 30_000,
      dimseResponseMs: 0,
      storeResponseMs: 20_000,
      idleMs: 600_000,
      releaseMs: 10_000,
    },
    limits: {
      maxAssociations: 1000,
      maxAssociationsPerPeer: 800,
      maxAssociatePduBytes: 2 ** 20,
      maxPdataPduBytes: 2 ** 30,
      maxPresentationContexts: 255,
      maxCommandBytes: 65_536,
    },
    relay: { retainBytes: 32 * 2 ** 20, retainTotalBytes: 64 * 2 ** 20 },
    spool: { dir: './var/spool', maxBytes: 50 * 2 ** 30, minFreeBytes: 2 ** 30, shared: false },
    queue: { keyPrefix: 'radiotracer' },
    telemetry: { identifiers: [], maxInstanceSpans: 1500, studyRolloverMs: 86_400_000, links: {} },
    integrity: {
      ...{ enabled: true, quietPeriodMs: 60_000, keepMs: 7_776_000_000, checksums: false },
      ...{ verify: true, verifyDelayMs: 30_000, commitReportMs: 3_600_000 },
      ...{ callingAet: 'RADIOTRACER', worklistFollowMs: 14_400_000 },
    },
    admin: { host: '127.0.0.1', port: 8080 },
    shutdown: { drainMs: 30_000 },
    log: { level: 'info' },
  });
});

test('what is written comes out in milliseconds and bytes; a destination’s own time-outs go over the general ones', () => {
  const config = parseConfig(`
listeners: [{ port: 0, host: "::1" }]
destinations:
  pacs: { host: pacs.example, port: 104, aet: " MAINPACS ", timeouts: { connect: 250ms, idle: 0 } }
  ct: { host: ct.example, port: 105 }
routes:
  - { id: to-ct, calledAet: CT1, source: 10.0.0.0/8, to: ct }
  - { calledAet: "*", callingAet: "*", source: "*", to: pacs, rewriteCallingAet: PROXY }
timeouts: { connect: 3s, artim: 0 }
relay: { retainBytes: 0 }
spool: { maxBytes: 1.5GiB }
telemetry: # its keys are all commented out
admin:
  token: 0123456789abcdef
  host: 0.0.0.0
`);
  expect(config.destinations['pacs']).toMatchObject({
    aet: 'MAINPACS',
    timeouts: { connectMs: 250, idleMs: 0, artimMs: 0, releaseMs: 10_000 },
  });
  expect(config.destinations['ct']?.timeouts).toEqual(config.timeouts);
  expect(config.timeouts).toMatchObject({ connectMs: 3000, artimMs: 0 });
  expect(config.routes).toMatchObject([
    { id: 'to-ct', calledAet: 'CT1', source: '10.0.0.0/8', to: 'ct' },
    { id: 'route-2', to: 'pacs', rewriteCallingAet: 'PROXY' },
  ]);
  expect([config.relay.retainBytes, config.spool.maxBytes]).toEqual([0, 1_610_612_736]);
});

test('everything that is wrong is told at once: place, key, what was found, what is allowed', () => {
  const told = lines(
    `listeners:
  - port: 70000
    hots: 1.2.3.4
destinations:
  pacs: { host: 10.1.2.3, port: 104, aet: SEVENTEEN_LETTERS, timeouts: { connect: 20 } }
  bad name: { host: a, port: 1 }
routes:
  - { to: pcas, source: 10.0.0.0/33 }
  - { callingAet: 12 }
telemetry: { identifiers: [studyInstanceUid, studyUid], links: { a: "http://h/trace", b: "javascript:{traceId}", c c: "http://h/{traceId}" } }
shutdwon: { drain: 1s }
log: quiet
`,
    { RADIOTRACER_LIMITS_MAX_ASSOCIATIONS: 'many', RADIOTRACER_ADMIN_PROT: '1' },
  );
  const expected = [
    'environment: RADIOTRACER_ADMIN_PROT: no key has this name; did you mean RADIOTRACER_ADMIN_PORT?',
    'f.yaml:2:5: listeners[0].port: found 70000; allowed: a whole number from 0 to 65535',
    'f.yaml:3:5: listeners[0].hots: unknown key; did you mean "host"?',
    'f.yaml:5:38: destinations.pacs.aet: found "SEVENTEEN_LETTERS"; allowed: an AE title: 1 to 16 characters',
    'f.yaml:5:74: destinations.pacs.timeouts.connect: found 20; allowed: a number with a unit: 250ms, 20s, 5m',
    'f.yaml:6:3: destinations.bad name: this name is not allowed',
    'f.yaml:8:17: routes[0].source: found "10.0.0.0/33"; allowed: an IPv4 or IPv6 address',
    'f.yaml:8:7: routes[0].to: found "pcas", which names no destination; did you mean "pacs"?',
    'f.yaml:9:7: routes[1].callingAet: found 12; allowed: an AE title',
    'f.yaml:9:5: routes[1].to: missing; allowed: the name of a destination',
    'f.yaml:10:46: telemetry.identifiers[1]: found "studyUid"; allowed: a list of studyInstanceUid, ',
    'f.yaml:10:66: telemetry.links.a: found "http://h/trace"; allowed: an http or https URL with {traceId} in it, such as http://',
    'f.yaml:10:87: telemetry.links.b: found "javascript:{traceId}"; allowed: an http or https URL',
    'f.yaml:10:114: telemetry.links.c c: this name is not allowed',
    'f.yaml:11:1: shutdwon: unknown key; did you mean "shutdown"?',
    'f.yaml:12:1: log: found "quiet"; allowed: a mapping with level',
    'RADIOTRACER_LIMITS_MAX_ASSOCIATIONS: limits.maxAssociations: found "many"; allowed: a whole number',
  ];
  for (const start of expected) expect(told).toContainEqual(expect.stringContaining(start));
  expect(told).toHaveLength(expected.length);
});

test('nothing at all names the three keys that are needed', () => {
  expect(problemsOf('').map(({ code, key }) => [code, key])).toEqual([
    ['missing', 'listeners'],
    ['missing', 'destinations'],
    ['missing', 'routes'],
  ]);
  const empty = problemsOf('{ listeners: [], destinations: {}, routes: [] }');
  expect(empty.map(({ code, key }) => [code, key])).toEqual([
    ['not_allowed', 'listeners'],
    ['not_allowed', 'destinations'],
    ['not_allowed', 'routes'],
  ]);
});

test('what no single key can tell: ports that meet, an admin open to others, names given twice', () => {
  const keys = (text: string): unknown[] => problemsOf(SMALLEST + text).map(({ code, key }) => [code, key]);
  const over = (listeners: string): string => SMALLEST.replace('[{ port: 11112 }]', listeners);
  const same = (listeners: string): unknown[] => problemsOf(over(listeners)).map(({ key }) => key);
  expect(same('[{ port: 1 }, { port: 1, host: 127.0.0.1 }]')).toEqual(['listeners[1].port']);
  expect(same('[{ port: 1, host: 127.0.0.2 }, { port: 1, host: 127.0.0.1 }]')).toEqual([]);
  expect(same('[{ port: 0 }, { port: 0 }]')).toEqual([]);
  expect(same('[{ port: 8080 }]')).toEqual(['admin.port']);
  expect(keys('spool: { shared: true }')).toEqual([['redis_needed', 'spool.shared']]);
  expect(keys('spool: { shared: true }\nqueue: { redis: redis://localhost }')).toEqual([]);
  expect(keys('admin: { host: 0.0.0.0 }')).toEqual([['token_needed', 'admin.host']]);
  expect(keys('admin: { host: pacs.example }')).toEqual([['token_needed', 'admin.host']]);
  for (const host of ['localhost', '127.0.0.9', '"::1"', '"::ffff:127.0.0.1"']) expect(keys(`admin: { host: ${host} }`)).toEqual([]);
  // A range, and one of it: that counts.
  const statuses = '{ delivered: ["A7xx", "0111"], retry: ["a701", "0110"], dead: ["axxx", "0110", "A7XX", "A7xx"] }';
  expect(lines(SMALLEST.replace('port: 104 }', `port: 104, statuses: ${statuses} }`)).map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'destinations.pacs.statuses.dead[1]: found "0110", which statuses.retry has as well; allowed: in one of them',
    'destinations.pacs.statuses.dead[2]: found "A7XX", which statuses.delivered has as well; allowed: in one of them',
    'destinations.pacs.statuses.dead[3]: found "A7xx", which statuses.delivered has as well; allowed: in one of them',
  ]);
  const twice = SMALLEST.replace('[{ port: 11112 }]', '[{ host: 127.0.0.1, port: 1 }, { host: localhost, port: 1 }]');
  expect(problemsOf(twice).map(({ code, key }) => [code, key])).toEqual([['duplicate', 'listeners[1].port']]);
  const listed = SMALLEST.replace('{ pacs: { host: 10.1.2.3, port: 104 } }', '[{ id: pacs, host: 10.1.2.3, port: 104 }]');
  expect(problemsOf(listed).map(({ code, key }) => [code, key])).toEqual([['not_allowed', 'destinations']]);
  const routes = SMALLEST.replace('[{ to: pacs }]', '[{ id: route-2, to: pacs }, { to: pacs }]');
  expect(problemsOf(routes).map(({ code, key }) => [code, key])).toEqual([['duplicate', 'routes[1].id']]);
});

test('storage commitment of our own needs a ledger, and a title to report to that nobody else has', () => {
  const keys = (route: string, more = ''): unknown[] => {
    const text = SMALLEST.replace('port: 104 }', 'port: 104, commit: afterBacklog }').replace('[{ to: pacs }]', `[${route}]`);
    expect(text).toContain('afterBacklog');
    return problemsOf(text + more).map(({ code, key }) => [code, key]);
  };
  expect(keys('{ to: pacs }')).toEqual([]);
  expect(keys('{ to: pacs }', 'integrity: { enabled: false }')).toEqual([['ledger_needed', 'destinations.pacs.commit']]);
  const shared = '{ calledAet: RADIOTRACER, to: pacs }, { rewriteCallingAet: RADIOTRACER, to: pacs }';
  expect(keys(shared)).toEqual([
    ['title_taken', 'routes[0].calledAet'],
    ['title_taken', 'routes[1].rewriteCallingAet'],
  ]);
  expect(keys(shared, 'integrity: { callingAet: RT_COMMIT }')).toEqual([]);
  expect(problemsOf(SMALLEST.replace('[{ to: pacs }]', `[${shared}]`))).toEqual([]);
});

test('where telemetry goes is an address to put a path behind', () => {
  const refused = (otlp: string) => problemsOf(`${SMALLEST}telemetry: { otlp: "${otlp}" }`).map(({ key }) => key);
  for (const otlp of ['http://h:4318', 'https://h/otlp/', 'HTTP://[::1]:4318/v1/traces/x'])
    expect([otlp, refused(otlp)]).toEqual([otlp, []]);
  for (const otlp of [
    'h:4318',
    'grpc://h:4317',
    'http://h:4318/v1/traces',
    'http://h/otlp/v1/metrics/',
    'http://h:4318?a=b',
    'http://h/#a',
    'http://',
  ])
    expect([otlp, refused(otlp)]).toEqual([otlp, ['telemetry.otlp']]);
});

test('a secret is never shown, not even a wrong one', () => {
  const told = lines(`${SMALLEST}
admin: { token: hunter2 }
telemetry: { siteKey: 31337, otlp: "ftp://me:hunter2@x" }
queue: { redis: "redis:hunter2@localhost" }`);
  expect(told).toHaveLength(4);
  expect(told.join('\n')).not.toMatch(/hunter2|31337/);
  expect(lines(`${SMALLEST}\nadmin: { token: hunter2`).join('\n')).not.toMatch(/hunter2/);
  // A bracket too many, and all behind it is no YAML any more; a header, an escape, a tag, an alias, a directive that are none.
  for (const wrong of [
    'log: { level: info }}\nadmin:\n  token: hunter2',
    'admin:\n  token: >hunter2\n    x',
    'admin: { token: "\\hunter2" }',
    'admin: { token: "\\xhunter2" }',
    'admin: { token: !hunter2 x }',
    'admin: { token hunter2 }',
    'admin: { token:hunter2 }',
    'admin: { token: *hunter2 }',
    'admin: { token: &hunter2: x }',
    'admin: { token: @hunter2 }',
    'admin: { token: "a" hunter2 }',
    '...\n%hunter2 x\n---\na: b',
  ]) {
    expect([wrong, lines(`${SMALLEST}${wrong}`).length > 0]).toEqual([wrong, true]);
    expect(lines(`${SMALLEST}${wrong}`).join('\n')).not.toMatch(/hunter2|\\[hx]/);
  }
  // Nor one in the place of the mapping around it.
  for (const text of ['queue: redis://:hunter2@localhost', 'admin: hunter2', 'telemetry: hunter2']) {
    expect(lines(`${SMALLEST}${text}`)).toEqual([expect.stringMatching(/found a text that is not shown; allowed: a mapping with/)]);
  }
  expect(lines('hunter2').join('\n')).toMatch(/^f\.yaml: found a text that is not shown/);
});

test('a token can be sent in a header, and nothing is taken for a value that somebody else was to fill in', () => {
  const keys = (text: string): unknown[] => problemsOf(SMALLEST + text).map(({ key }) => key);
  expect(keys('admin: { token: "a-token!of/the+site=" }')).toEqual([]);
  for (const token of ['0123456789 abcdef', 'schlüsselschlüssel', `\${RADIOTRACER_TOKEN}`])
    expect(keys(`admin: { token: "${token}" }`)).toEqual(['admin.token']);
  expect(keys(`telemetry: { siteKey: "\${SITE_KEY_OF_THE_HOSPITAL}" }`)).toEqual(['telemetry.siteKey']);
  for (const dir of ['~', '~/spool', `\${HOME}/spool`]) expect(keys(`spool: { dir: "${dir}" }`)).toEqual(['spool.dir']);
  expect(keys('spool: { dir: "/srv/~old/$pool" }')).toEqual([]);
  expect(lines(`${SMALLEST}admin: { token: !env RADIOTRACER_ADMIN_TOKEN }`)).toEqual([
    expect.stringMatching(/^f\.yaml:5:17: not YAML: this tag is not known/),
  ]);
});

test('a host is a name or an address, without a port', () => {
  const told = (host: string) => problemsOf(SMALLEST.replace('10.1.2.3', `"${host}"`)).map(({ key }) => key);
  for (const host of ['pacs', 'pacs-1.hospital.example', 'pacs_2', '10.1.2.3', 'fd00::1', 'fe80::1%eth0']) expect(told(host)).toEqual([]);
  for (const host of ['10.1.2.3:104', 'pacs:104', '10.1.2.999', '10.1.2', '[fd00::1]', 'dicom://pacs', ''])
    expect([host, told(host)]).toEqual([host, ['destinations.pacs.host']]);
});

test('a URL of Redis is one that its client takes', () => {
  const told = (url: string) => problemsOf(`${SMALLEST}queue: { redis: "${url}" }`).map(({ key }) => key);
  for (const url of [
    'redis://localhost',
    'redis://user:p%25ss:word@h:6379/3',
    'rediss://[fd00::1]:6379',
    'redis-sentinel://:pw@s1,s2:26379/0#main',
    'redis-cluster://n1:6379,[::1]:6380',
  ])
    expect([url, told(url)]).toEqual([url, []]);
  for (const url of [
    'redis://h:99999',
    'redis://h:0',
    'redis://h?db=1',
    'redis://:50%off@h',
    'redis-sentinel://:50%off@h#m',
    'redis-cluster://a:6379,b:70000',
    'redis-sentinel://s1:26379',
  ])
    expect([url, told(url)]).toEqual([url, ['queue.redis']]);
});

test('a key without its colon is no key left out', () => {
  const told = lines(SMALLEST.replace('{ to: pacs }', '{ calledAet PROXY, source: , to: pacs }'));
  expect(told).toEqual(['f.yaml:4:12: routes[0].calledAet …: unknown key; did you mean "calledAet"?']);
  expect(problemsOf(SMALLEST.replace('{ to: pacs }', '{ calledAet:PROXY, to: pacs }')).map(({ code }) => code)).toEqual(['unknown_key']);
  expect(lines(`${SMALLEST}telemtry:`)).toEqual(['f.yaml:5:1: telemtry: unknown key; did you mean "telemetry"?']);
});

test('a key in the wrong place is told where it belongs', () => {
  expect(lines(`${SMALLEST}quietPeriod: 60s\nlogging: { level: info }`)).toEqual([
    'f.yaml:5:1: quietPeriod: unknown key; did you mean integrity.quietPeriod?',
    'f.yaml:6:1: logging: unknown key; did you mean "log"?',
  ]);
  expect(lines(SMALLEST.replace('port: 104 }', 'port: 104, ae_title: PACS, source: 10.1.2.4 }'))).toEqual([
    expect.stringMatching(/ae_title: unknown key; did you mean "aet"\?$/),
    expect.stringMatching(/source: unknown key; did you mean routes\[<n>\]\.source\?$/),
  ]);
});

test('digits in the wrong writing: said how they are written, and only where that would do', () => {
  const text = SMALLEST.replace('port: 104 }', 'port: "104", aet: 123, timeouts: { connect: 5 } }').replace('to: pacs', 'to: 1');
  expect(lines(text).map((line) => line.replace(/ allowed: .*?(?=; written|$)/, ''))).toEqual([
    'f.yaml:3:41: destinations.pacs.port: found "104";; written without quotes',
    'f.yaml:3:54: destinations.pacs.aet: found 123;; written in quotes',
    'f.yaml:3:76: destinations.pacs.timeouts.connect: found 5;',
    'f.yaml:4:12: routes[0].to: found 1;; written in quotes',
  ]);
  expect(lines(SMALLEST.replace('port: 104', 'port: 99999999999999999999'))).toHaveLength(1);
  expect(lines(SMALLEST.replace('{ host', '{ <<: { aet: A }, host'))).toEqual([expect.stringContaining('merges no mappings; write out')]);
});

test('a file that is not YAML, has a key twice, or expands without end is refused in a line each', () => {
  expect(lines('a: [1\nb: 2')[0]).toMatch(/^f\.yaml:2:\d+: not YAML: /);
  expect(lines(`${SMALLEST}routes: []`)[0]).toMatch(/^f\.yaml:5:1: not YAML: /);
  const bomb = Array.from({ length: 30 }, (_, level) => `b${level}: &b${level} [${level === 0 ? 'x' : `*b${level - 1}, *b${level - 1}`}]`);
  expect(lines(bomb.join('\n'))).toEqual(['f.yaml: not usable YAML: aliases that expand without end']);
  for (const [line, text] of [
    [1, 'l\0i\0s\0t\0'],
    [5, `${SMALLEST}# R\ufffdntgen`],
    [1, '\u007fELF\0'],
  ])
    expect(lines(String(text))).toEqual([`f.yaml:${line}: not text in UTF-8 (UTF-16, Latin-1, or no text at all); save it as UTF-8`]);
  expect(lines('a: &a [*a]')).toEqual(['f.yaml: not usable YAML: aliases that expand without end']);
  expect(lines(`${SMALLEST}---\na: 1`)).toEqual(['f.yaml:5:1: not YAML: a second document begins here; a configuration is one']);
  for (const text of ['[]', 'text', '1']) expect(lines(text)[0]).toMatch(/allowed: a mapping of listeners, destinations/);
});

test('names that every object has are no destinations', () => {
  expect(problemsOf(SMALLEST.replace('{ to: pacs }', '{ to: constructor }')).map(({ code }) => code)).toEqual(['no_such_destination']);
  expect(problemsOf(SMALLEST.replace('{ pacs:', '{ __proto__:')).length).toBeGreaterThan(0);
});

test('the file is looked for where it is documented to be, and the environment may be all there is', async () => {
  const seen: string[] = [];
  const only = (place: string) => (file: string) => {
    seen.push(file);
    return file === place ? Promise.resolve(SMALLEST) : noSuchFile(file);
  };
  expect((await loadConfig({ env: {}, readFile: only('/etc/radiotracer/radiotracer.yaml') })).file).toBe(
    '/etc/radiotracer/radiotracer.yaml',
  );
  expect(seen).toEqual(['./radiotracer.yaml', '/etc/radiotracer/radiotracer.yaml']);
  await expect(loadConfig({ env: {}, readFile: noSuchFile })).rejects.toThrow(
    /looked for \.\/radiotracer\.yaml and \/etc\/.*--config FILE/,
  );
  await expect(loadConfig({ file: 'x.yaml', env: {}, readFile: noSuchFile })).rejects.toThrow('x.yaml: no such file');
  await expect(loadConfig({ file: '', env: {}, readFile: noSuchFile })).rejects.toThrow('--config names no file: it is empty');
  const denied = () => Promise.reject(Object.assign(new Error('denied'), { code: 'EACCES' }));
  await expect(loadConfig({ env: {}, readFile: denied })).rejects.toThrow('./radiotracer.yaml: cannot be read: this user may not (EACCES)');
  const env = {
    RADIOTRACER_LISTENERS_0_PORT: '0',
    RADIOTRACER_LISTENERS_1_PORT: '4242',
    RADIOTRACER_DESTINATIONS_MAIN_PACS_HOST: '10.0.0.1',
    RADIOTRACER_DESTINATIONS_MAIN_PACS_PORT: '104',
    RADIOTRACER_DESTINATIONS_MAIN_PACS_TIMEOUTS_DIMSE_RESPONSE: '1m',
    RADIOTRACER_ROUTES_0_TO: 'main_pacs',
    RADIOTRACER_ROUTES_0_CALLED_AET: '12345',
    RADIOTRACER_TELEMETRY_IDENTIFIERS: 'studyInstanceUid, studyDate',
  };
  // Who has set one variable, and is in another folder than the file.
  await expect(loadConfig({ env: { RADIOTRACER_ADMIN_PORT: '1' }, readFile: noSuchFile })).rejects.toThrow(
    /^\(environment\): listeners: missing[\s\S]*\nno configuration: looked for/,
  );
  const { config, file } = await loadConfig({ env, readFile: noSuchFile });
  expect(file).toBeUndefined();
  expect(config.listeners.map(({ port }) => port)).toEqual([0, 4242]);
  expect(config.destinations['main_pacs']?.timeouts.dimseResponseMs).toBe(60_000);
  expect(config.routes[0]).toMatchObject({ to: 'main_pacs', calledAet: '12345' });
  expect(config.telemetry.identifiers).toEqual(['studyInstanceUid', 'studyDate']);
});

test('a variable goes over the file, whatever the name of the destination; one that fits nothing is an error', () => {
  const file = SMALLEST.replaceAll('pacs', 'main-pacs.1');
  const env = { RADIOTRACER_DESTINATIONS_MAIN_PACS_1_HOST: 'other', RADIOTRACER_ADMIN_PORT: '9', RADIOTRACER_ADMIN_TOKEN: '' };
  const config = parseConfig(file, 'f.yaml', env);
  expect([config.destinations['main-pacs.1']?.host, config.admin.port, config.admin.token]).toEqual(['other', 9, undefined]);
  const links = { RADIOTRACER_TELEMETRY_LINKS_JAEGER: 'http://b/{traceId}', RADIOTRACER_TELEMETRY_LINKS_MY_TEMPO: 'http://c/{traceId}' };
  const linked = parseConfig(`${SMALLEST}\ntelemetry: { links: { jaeger: "http://a/{traceId}" } }`, 'f.yaml', links);
  expect(linked.telemetry.links).toEqual({ jaeger: 'http://b/{traceId}', my_tempo: 'http://c/{traceId}' });
  const codes = (variable: string, text = SMALLEST): unknown => problemsOf(text, { [variable]: '1' }).map(({ code }) => code);
  for (const variable of [
    'RADIOTRACER_LISTENERS_2_PORT',
    'RADIOTRACER_LISTENERS',
    'RADIOTRACER_ADMIN',
    'RADIOTRACER_',
    'RADIOTRACER_DESTINATIONS_PACS',
    'RADIOTRACER_TELEMETRY_LINKS',
  ]) {
    expect([variable, codes(variable)]).toEqual([variable, ['unknown_variable']]);
  }
  expect(lines(SMALLEST, { RADIOTRACER_HOME: '/opt', RADIOTRACER_LOG_LEVL: 'info', RADIOTRACER_ROUTES_7_TO: 'pacs' })).toEqual([
    'environment: RADIOTRACER_HOME: no key has this name',
    'environment: RADIOTRACER_LOG_LEVL: no key has this name; did you mean RADIOTRACER_LOG_LEVEL?',
    expect.stringContaining('RADIOTRACER_ROUTES_7_TO: no key has this name (positions are counted from 0, without a gap)'),
  ]);
  const twins = SMALLEST.replace('{ pacs:', '{ pa-cs: { host: a, port: 1 }, pa_cs: { host: a, port: 1 }, pacs:');
  expect(codes('RADIOTRACER_DESTINATIONS_PA_CS_PORT', twins)).toEqual(['unknown_variable']);
  // Kubernetes sets these beside a Service named radiotracer.
  for (const variable of [
    'RADIOTRACER_SERVICE_HOST',
    'RADIOTRACER_PORT',
    'RADIOTRACER_PORT_11112_TCP_ADDR',
    'RADIOTRACER_SERVICE_PORT_DICOM',
  ]) {
    expect([variable, codes(variable)]).toEqual([variable, []]);
  }
});

test('TLS: a listener needs its files, a destination may leave everything out, and a switch is as good as an empty mapping', () => {
  const config = parseConfig(`
listeners:
  - { port: 0, tls: { cert: c.pem, key: c.key, ca: scanners.pem } }
  - { port: 0, tls: { cert: c.pem, key: c.key } }
destinations:
  on: { host: a, port: 1, tls: true }
  off: { host: a, port: 1, tls: false }
  own: { host: a, port: 1, tls: { ca: pacs.pem, serverName: pacs.example, verify: authority, minVersion: TLSv1.3 } }
routes: [{ to: on }]
`);
  expect(config.listeners.map(({ tls }) => tls?.clientCertificate)).toEqual(['require', 'none']);
  const { on, off, own } = config.destinations;
  expect([on?.tls, off?.tls]).toEqual([{ verify: 'full', minVersion: 'TLSv1.2' }, undefined]);
  expect(own?.tls).toEqual({ ca: 'pacs.pem', serverName: 'pacs.example', verify: 'authority', minVersion: 'TLSv1.3' });

  expect(
    lines(`listeners:
  - { port: 0, tls: { cert: c.pem } }
  - { port: 0, tls: { cert: c.pem, key: c.key, clientCertificate: require } }
destinations:
  a: { host: a, port: 1, tls: yes please }
  b: { host: a, port: 1, tls: { cert: c.pem, verfy: none } }
routes: [{ to: a }]
`),
  ).toEqual([
    expect.stringContaining('listeners[0].tls.key: missing; allowed: a path'),
    expect.stringContaining(
      'destinations.a.tls: found "yes please"; allowed: true, or a mapping with ca, cert, key, serverName, verify, minVersion',
    ),
    expect.stringContaining('destinations.b.tls.verfy: unknown key; did you mean "verify"?'),
    expect.stringContaining('destinations.b.tls.cert: found without tls.key; allowed: both, or neither'),
    expect.stringContaining('listeners[1].tls.clientCertificate: found "require" without tls.ca; allowed: with it'),
  ]);
});

test('TLS: the environment turns it on, and goes over a switch of the file', () => {
  const of = (tls: string, env: Record<string, string>) =>
    parseConfig(`listeners: [{ port: 0 }]\ndestinations: { pacs: { host: a, port: 1${tls} } }\nroutes: [{ to: pacs }]`, 'f.yaml', env)
      .destinations['pacs']?.tls;
  const ca = { RADIOTRACER_DESTINATIONS_PACS_TLS_CA: 'ca.pem' };
  const withCa = { verify: 'full', minVersion: 'TLSv1.2', ca: 'ca.pem' };
  for (const tls of ['', ', tls: true', ', tls: false', ', tls: { ca: other.pem }']) expect(of(tls, ca)).toEqual(withCa);
  expect(of('', { ...ca, RADIOTRACER_DESTINATIONS_PACS_TLS: 'true' })).toEqual(withCa);
  expect(of('', { RADIOTRACER_DESTINATIONS_PACS_TLS: 'true' })).toEqual({ verify: 'full', minVersion: 'TLSv1.2' });
  expect(of(', tls: { ca: ca.pem }', { RADIOTRACER_DESTINATIONS_PACS_TLS: 'true' })).toEqual(withCa);
  expect(of(', tls: true', { RADIOTRACER_DESTINATIONS_PACS_TLS: 'false' })).toBeUndefined();
});

test('one peer may have four fifths of all associations, unless another number is written; none is none', () => {
  const perPeer = (limits: string) => parseConfig(`${SMALLEST}limits: ${limits}`).limits.maxAssociationsPerPeer;
  expect(
    ['{}', '{ maxAssociations: 2 }', '{ maxAssociations: 0 }', '{ maxAssociationsPerPeer: 7 }', '{ maxAssociationsPerPeer: 0 }'].map(
      perPeer,
    ),
  ).toEqual([800, 2, 0, 7, 0]);
});

test('a spool that no image fits into is refused, with what is allowed; 0 is still no limit', () => {
  const told = (size: string) => lines(`${SMALLEST}spool: { maxBytes: ${size} }`);
  expect(told('1B')).toEqual([expect.stringMatching(/^.*spool\.maxBytes: found "1B".*0, or from 1MiB/)]);
  expect([told('1048575B').length, told('1MiB'), told('0'), told('0B')]).toEqual([1, [], [], []]);
});

test('whatever a file holds, it is a configuration or a ConfigError, and nothing is changed in place', () => {
  const keys = [
    'listeners',
    'destinations',
    'routes',
    'port',
    'host',
    'to',
    'timeouts',
    'connect',
    'pacs',
    'admin',
    'token',
    'telemetry',
    'identifiers',
    'links',
    '__proto__',
  ];
  const leaf = fc.oneof(
    fc.constantFrom('pacs', '*', '10s', '1KiB', '10.0.0.1'),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.string(),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...keys), tie('tree'))),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const before = JSON.stringify(value);
      try {
        configFrom(value, { RADIOTRACER_ADMIN_PORT: '1' });
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        expect((error as ConfigError).problems.length).toBeGreaterThan(0);
      }
      expect(JSON.stringify(value)).toBe(before);
    }),
    { numRuns: 1000 },
  );
});
