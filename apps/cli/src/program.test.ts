import type { Obstacle } from '@radiotracer/proxy';
import { AssociationError, type EchoOptions } from '@radiotracer/upper-layer';
import { run } from './program.ts';
import type { StartedProxy, Surroundings } from './surroundings.ts';

const CONFIG = `
listeners: [{ port: 11112 }]
destinations:
  pacs: { host: 10.0.0.1, port: 104, timeouts: { connect: 0, associate: 5s } }
  named: { host: 10.0.0.2, port: 104, aet: NAMED }
routes:
  - { calledAet: CT, callingAet: CT1, to: pacs, rewriteCallingAet: PROXY }
  - { to: named }
shutdown: { drain: 7s }
`;

/** A world in which everything goes well, and what the commands did to it. */
function world(changes: Partial<Surroundings> = {}) {
  const said = { out: '', err: '', echoes: [] as EchoOptions[], calls: [] as string[], runs: undefined as boolean | undefined };
  let signal = (): void => undefined;
  const drained = Promise.withResolvers<void>();
  const proxy: StartedProxy = {
    listeners: [{ host: '::', port: 11112 }],
    adminPort: 8080,
    drain: (limitMs) => {
      said.calls.push(`drain ${limitMs}`);
      return drained.promise;
    },
    abort: () => {
      said.calls.push('abort');
      return Promise.resolve();
    },
  };
  const surroundings: Surroundings = {
    env: {},
    version: '1.2.3',
    readFile: () => Promise.resolve(CONFIG),
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    taken: () => Promise.resolve(true),
    startProxy: () => {
      said.calls.push('start');
      return Promise.resolve(proxy);
    },
    startLabProxy: () => Promise.reject(new Error('no lab here')),
    readCapabilities: () =>
      Promise.resolve({ pacs: { '1.2.840.10008.5.1.4.1.1.2': { '1.2.840.10008.1.2.1': true, '1.2.840.10008.1.2.4.90': false } } }),
    hasOwner: () => Promise.resolve(true),
    obstacles: (_config, runs) => {
      said.runs = runs;
      return Promise.resolve([]);
    },
    tryExports: () => Promise.resolve([]),
    getJson: (url) => Promise.resolve(url === 'http://127.0.0.1:8080/readyz' ? { status: 'draining' } : { status: 'ok', version: '1.2.2' }),
    terminal: { isTerminal: false, isColoured: false, columns: undefined },
    now: () => 1_700_000_000_000,
    ask: undefined,
    echo: (options) => {
      said.echoes.push(options);
      return Promise.resolve({ status: 0, acceptorImplementationVersionName: 'PACS_1', durationMs: 1.23456 });
    },
    onStopSignal: (listener) => {
      signal = listener;
    },
    ...changes,
  };
  const rc = async (...args: string[]): Promise<number> => await run(args, surroundings);
  return { said, rc, proxy, drained, signal: () => signal() };
}

/** Lets everything that is ready to go on go on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function refused(options: EchoOptions): Promise<never> {
  return Promise.reject(new AssociationError('connection_refused', `nothing listens there (${options.host})`));
}

test('start: the first signal drains within the configured limit, and the code is 0', async () => {
  const { said, rc, drained, signal } = world();
  const ended = rc('start');
  await settled();
  expect(said).toMatchObject({ calls: ['start'], err: 'radiotracer 1.2.3 listens on [::]:11112; health on port 8080\n', out: '' });
  signal();
  await settled();
  expect(said.calls).toEqual(['start', 'drain 7000']);
  drained.resolve();
  expect(await ended).toBe(0);
  expect(said.calls).toEqual(['start', 'drain 7000']);
});

test('start: the second signal aborts what the first waits for', async () => {
  const { said, rc, signal } = world();
  const ended = rc('start', '--json');
  await settled();
  expect(JSON.parse(said.out)).toEqual({ event: 'ready', version: '1.2.3', listeners: [{ host: '::', port: 11112 }], adminPort: 8080 });
  signal();
  signal();
  expect(await ended).toBe(0);
  expect(said.calls).toEqual(['start', 'drain 7000', 'abort']);
});

test('start: a signal while it starts is not lost, and a second one does not wait for the start', async () => {
  const started = Promise.withResolvers<StartedProxy>();
  const one = world({ startProxy: () => started.promise });
  const ended = one.rc('start');
  await settled();
  one.signal();
  started.resolve(one.proxy);
  one.drained.resolve();
  expect([await ended, one.said.calls]).toEqual([0, ['drain 7000']]);

  const stuck = world({ startProxy: () => new Promise(() => undefined) });
  const givenUp = stuck.rc('start');
  await settled();
  stuck.signal();
  stuck.signal();
  expect([await givenUp, stuck.said.err]).toEqual([1, 'cannot start: stopped before it had started\n']);
});

test('start: what keeps it from starting or from stopping is one line and code 1', async () => {
  const inUse = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', address: '0.0.0.0', port: 11112 });
  const busy = world({ startProxy: () => Promise.reject(inUse) });
  expect([await busy.rc('start'), busy.said.err]).toEqual([1, 'cannot start: 0.0.0.0:11112: the port is in use (EADDRINUSE)\n']);
  for (const [wrong, line] of [
    [
      { code: 'EACCES', syscall: 'open', path: '/spool/site-key' },
      '/spool/site-key: not permitted; give it to the user that runs the proxy (EACCES)',
    ],
    [{ code: 'EACCES', address: '::', port: 104 }, ':::104: not permitted (ports below 1024 need privileges) (EACCES)'],
    [{ code: 'EAI_AGAIN', hostname: 'no.such.host' }, 'no.such.host: no name server answers (EAI_AGAIN)'],
    [{ code: 'ENOTFOUND', hostname: 'no.such.host' }, 'no.such.host: the host name cannot be resolved (ENOTFOUND)'],
  ] as const) {
    const { said, rc } = world({ startProxy: () => Promise.reject(Object.assign(new Error('no'), wrong)) });
    expect([await rc('start'), said.err]).toEqual([1, `cannot start: ${line}\n`]);
  }
  const odd = world({ startProxy: () => Promise.reject(new Error('two\n  lines')) });
  expect([await odd.rc('start'), odd.said.err]).toEqual([1, 'cannot start: two lines\n']);
  const unclean = world();
  const ended = unclean.rc('start');
  await settled();
  unclean.signal();
  unclean.drained.reject(new Error('disk gone'));
  expect([await ended, unclean.said.err.split('\n').at(-2)]).toEqual([1, 'did not stop cleanly: disk gone']);
});

test('a wrong configuration is code 2 on every command, a line for each thing, and nothing is started', async () => {
  for (const command of [['start'], ['check'], ['echo', 'pacs']]) {
    const { said, rc } = world({ readFile: () => Promise.resolve('listeners: [{ port: x }]') });
    expect(await rc(...command, '--config', 'f.yaml')).toBe(2);
    const lines = said.err.trimEnd().split('\n');
    expect(lines.map((line) => line.split(':').slice(0, -2).join(':'))).toContain('f.yaml:1:15: listeners[0].port');
    expect(lines).toHaveLength(3);
    expect([said.calls, said.echoes, said.out]).toEqual([[], [], '']);
  }
  const early = world();
  expect([await early.rc('--config', 'f.yaml', 'check'), early.said.err]).toEqual([
    2,
    "error: unknown option '--config'\nit stands behind the whole command: radiotracer queue ls --config FILE\n",
  ]);
  const lab = world();
  expect([await lab.rc('lab', '--config', 'f.yaml'), lab.said.err]).toEqual([
    2,
    "error: unknown option '--config'\nthe lab has a configuration of its own\n",
  ]);
  const { said, rc } = world({ readFile: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) });
  expect([await rc('start', '-c', '/secret.yaml'), said.err]).toEqual([2, '/secret.yaml: cannot be read: this user may not (EACCES)\n']);
});

test('check: every destination as a modality would be seen through the proxy; its waits end though the configuration’s do not', async () => {
  const { said, rc } = world();
  expect(await rc('check')).toBe(0);
  expect(said.echoes).toEqual([
    {
      host: '10.0.0.1',
      port: 104,
      calledAeTitle: 'CT',
      callingAeTitle: 'PROXY',
      timeouts: { connectTimeoutMs: 30_000, associateTimeoutMs: 5000, dimseTimeoutMs: 30_000 },
    },
    {
      host: '10.0.0.2',
      port: 104,
      calledAeTitle: 'NAMED',
      callingAeTitle: 'RADIOTRACER',
      timeouts: { connectTimeoutMs: 5_000, associateTimeoutMs: 30_000, dimseTimeoutMs: 30_000 },
    },
  ]);
  expect(said.err).toBe('');
  expect(said.out).toMatch(/^pacs +10\.0\.0\.1:104 +CT +PROXY +ok +ok 1\.23 ms +PACS_1$/m);
});

test('a PACS that accepts the association and no Verification is there: check says so, and it is no failure; echo has failed', async () => {
  const { said, rc } = world({
    echo: () => Promise.resolve({ status: undefined, acceptorImplementationVersionName: 'PACS_1', durationMs: 1.23456 }),
  });
  const line =
    '10.0.0.1:104 (CT): it accepts the association, and does not accept the Verification SOP Class: it is there, and no C-ECHO says more of it\n';
  expect(await rc('check')).toBe(0);
  expect(said.out).toMatch(/^pacs +10\.0\.0\.1:104 +CT +PROXY +ok +refused +PACS_1$/m);
  expect(said.err).toContain(`destination pacs, ${line}`);
  said.err = '';
  expect([await rc('echo', 'pacs'), said.err]).toEqual([1, line]);
});

test('check: whether the proxy runs is told, and is no failure', async () => {
  for (const hasOwner of [true, undefined]) {
    const { said, rc } = world({ hasOwner: () => Promise.resolve(hasOwner) });
    expect([await rc('check'), said.runs]).toEqual([0, true]);
    expect(said.out).toContain('\nproxy: runs, draining, version 1.2.2 (http://127.0.0.1:8080)\n');
    expect(said.out).not.toContain('start: ');
  }
  for (const getJson of [
    () => Promise.reject(new Error('refused')),
    () => Promise.resolve(null),
    () => Promise.resolve({ status: 'UP' }),
  ]) {
    const { said: without, rc: check } = world({ getJson });
    expect([await check('check', '--json'), without.runs]).toEqual([0, false]);
    expect(JSON.parse(without.out)).toMatchObject({ ok: true, proxy: { running: false, status: null, url: 'http://127.0.0.1:8080' } });
  }
});

test('check: a radiotracer at the admin port that does not have the spool is another one', async () => {
  const { said, rc } = world({ hasOwner: () => Promise.resolve(false) });
  expect([await rc('check'), said.runs]).toEqual([0, false]);
  expect(said.out).toContain('\nproxy: another radiotracer answers at http://127.0.0.1:8080: ');
  const starting = world({
    hasOwner: () => Promise.resolve(false),
    getJson: () => Promise.resolve({ status: 'starting', version: '1.2.2' }),
  });
  expect([await starting.rc('check'), starting.said.runs]).toEqual([0, true]);
});

test('check: what a start would fail of, or go without, is one line each and code 1', async () => {
  const system = (code: string, more: object) => Object.assign(new Error('no'), { code, ...more });
  const listen = (code: string, port: number) => system(code, { syscall: 'listen', address: '0.0.0.0', port });
  const getJson = () => Promise.reject(new Error('refused'));
  const inTheWay: readonly [Obstacle, string][] = [
    [
      { kind: 'start', error: listen('EADDRINUSE', 11_112) },
      'cannot start: 0.0.0.0:11112: the port is in use (EADDRINUSE); it is listeners[0].port',
    ],
    [
      { kind: 'start', error: system('ENOTFOUND', { syscall: 'getaddrinfo', hostname: '127.0.0.1' }) },
      'cannot start: 127.0.0.1: the host name cannot be resolved (ENOTFOUND); it is admin.host',
    ],
    [
      { kind: 'schedule', error: new Error('Redis: not connected') },
      'the schedule redis://redis is not available: Redis: not connected; images are relayed and kept, and what is kept is not delivered until it is',
    ],
    [
      { kind: 'ledger', error: system('EACCES', { path: '/s/integrity.db' }) },
      'the ledger /s/integrity.db cannot be used: /s/integrity.db: not permitted; give it to the user that runs the proxy (EACCES); images are not affected, and nothing is written down of studies until it can be',
    ],
  ];
  const readFile = () => Promise.resolve(`${CONFIG}spool: { dir: /s }\nqueue: { redis: "redis://me:secret@redis" }`);
  for (const [obstacle, line] of inTheWay) {
    const { said, rc } = world({ getJson, readFile, obstacles: () => Promise.resolve([obstacle]) });
    expect([await rc('check'), said.err]).toEqual([1, `${line}\n`]);
    expect(said.out).toContain('\nstart: one thing stands in its way\n');
    const { said: json, rc: asJson } = world({ getJson, readFile, obstacles: () => Promise.resolve([obstacle]) });
    expect([await asJson('check', '--json'), JSON.parse(json.out)]).toMatchObject([
      1,
      { ok: false, obstacles: [{ kind: obstacle.kind, message: line }] },
    ]);
  }
});

test('check: what depends on who starts the proxy is told, and is no failure', async () => {
  const error = Object.assign(new Error('no'), { code: 'EACCES', syscall: 'listen', address: '0.0.0.0', port: 11_112 });
  const { said, rc } = world({
    getJson: () => Promise.reject(new Error('refused')),
    obstacles: () =>
      Promise.resolve([
        { kind: 'privilege', error },
        { kind: 'tried-as-root', error: new Error('check as that user, too') },
      ]),
  });
  expect(await rc('check')).toBe(0);
  expect(said.out).toContain('\nstart: nothing stands in its way\n');
  expect(said.err.split('\n')).toEqual([
    'cannot start, unless the service gives it the privilege (AmbientCapabilities=CAP_NET_BIND_SERVICE): 0.0.0.0:11112: not permitted (ports below 1024 need privileges) (EACCES); it is listeners[0].port',
    'check as that user, too',
    '',
  ]);
});

test('check: SOP classes that have one answer share a line, so that 128 of a sender fit on a screen', async () => {
  const answers = { '1.2.840.10008.1.2': true, '1.2.840.10008.1.2.4.90': false };
  const many = Object.fromEntries(Array.from({ length: 127 }, (_, index) => [`1.2.840.10008.5.1.4.1.1.${index + 100}`, answers]));
  const pacs = { ...many, '1.2.840.10008.5.1.4.1.1.2': { '1.2.840.10008.1.2.1': true } };
  const { said, rc } = world({ readCapabilities: () => Promise.resolve({ pacs }) });
  expect(await rc('check')).toBe(0);
  const lines = said.out.slice(said.out.indexOf('pacs was seen to accept:')).split('\n');
  expect(lines).toEqual([
    'pacs was seen to accept:',
    expect.stringMatching(
      /^ {2}\S+, \S+, \S+ and 124 more \(--json names them\): 1\.2\.840\.10008\.1\.2; not 1\.2\.840\.10008\.1\.2\.4\.90$/,
    ),
    '  CT Image Storage: 1.2.840.10008.1.2.1',
    expect.stringMatching(/^named: nothing was seen/),
    '',
  ]);
});

test('check: a route that can never be used is told, and is no failure', async () => {
  const { said, rc } = world({ readFile: () => Promise.resolve(`${CONFIG}`.replace('calledAet: CT, callingAet: CT1, ', '')) });
  expect(await rc('check')).toBe(0);
  expect(said.err).toBe('route route-2 is never used: route-1, which stands before it, takes all that would come to it\n');
});

test('check: an asterisk within an AE title is told, for it stands for nothing else', async () => {
  const { said, rc } = world({ readFile: () => Promise.resolve(`${CONFIG}`.replace('callingAet: CT1', 'callingAet: "CT*"')) });
  expect(await rc('check')).toBe(0);
  expect(said.err).toBe('route route-1 is for the AE title "CT*" as it stands: only "*" alone is any\n');
});

test('check: a destination that another of us answers for is told, and is no failure', async () => {
  const echo: Surroundings['echo'] = () => Promise.resolve({ status: 0, acceptorImplementationVersionName: 'RADIOTRACER', durationMs: 2 });
  const { said, rc } = world({ echo });
  expect(await rc('check')).toBe(0);
  expect(said.err.match(/^destination \w+ was answered for by a radiotracer/gm)).toHaveLength(2);
});

test('check: a destination that fails is one line on standard error, code 1, and the others are still told', async () => {
  const echo: Surroundings['echo'] = (options) => {
    if (options.host === '10.0.0.1') return refused(options);
    return Promise.resolve({ status: 0x0122, acceptorImplementationVersionName: undefined, durationMs: 2 });
  };
  const { said, rc } = world({ echo });
  expect(await rc('check', '--json', '--calling-aet', 'ME')).toBe(1);
  expect(JSON.parse(said.out)).toMatchObject({
    ok: false,
    config: { file: './radiotracer.yaml' },
    destinations: [
      { id: 'pacs', reachable: false, ok: false, status: null, error: { type: 'connection_refused' }, callingAet: 'ME' },
      { id: 'named', reachable: true, ok: false, status: '0122', error: { type: 'status_failure' }, callingAet: 'ME' },
    ],
  });
  expect(JSON.parse(said.out)).toMatchObject({
    destinations: [{ learned: { '1.2.840.10008.5.1.4.1.1.2': { '1.2.840.10008.1.2.1': true } } }, { learned: {} }],
  });
  expect(said.err.split('\n')).toEqual([
    'destination pacs, 10.0.0.1:104 (CT): nothing listens there (10.0.0.1)',
    'destination named, 10.0.0.2:104 (NAMED): C-ECHO was answered with status 0122',
    '',
  ]);
});

test('echo: an address needs no configuration, a name does', async () => {
  const noFile = { readFile: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOENT' })) };
  for (const [target, host, port] of [
    ['pacs.example:104', 'pacs.example', 104],
    ['[fd00::1]:11112', 'fd00::1', 11_112],
  ] as const) {
    const { said, rc } = world(noFile);
    expect(await rc('echo', target, '--called-aet', 'PACS', '--calling-aet', 'ME')).toBe(0);
    expect(said.echoes).toMatchObject([{ host, port, calledAeTitle: 'PACS', callingAeTitle: 'ME' }]);
    expect(said.out).toBe(`${host}:${port} (PACS): C-ECHO answered in 1.23 ms, PACS_1\n`);
  }
  expect(await world(noFile).rc('echo', 'pacs')).toBe(2);
  const named = world();
  expect([await named.rc('echo', 'named'), named.said.echoes[0]?.calledAeTitle]).toEqual([0, 'NAMED']);
  const web = world({ echo: () => Promise.reject(new AssociationError('protocol_error', 'PDU type 48H')) });
  expect([await web.rc('echo', 'h:80'), web.said.err]).toEqual([
    1,
    'h:80 (ANY-SCP): what answers there speaks no DICOM; is that its DICOM port? (PDU type 48H)\n',
  ]);
  const dead = world({ echo: refused });
  expect([await dead.rc('echo', 'h:1'), dead.said.err, dead.said.out]).toEqual([1, 'h:1 (ANY-SCP): nothing listens there (h)\n', '']);
});

test('wrong usage is code 2 and does nothing; help and version are 0', async () => {
  for (const args of [
    [],
    ['strat'],
    ['echo'],
    ['start', '--port', '1'],
    ['echo', 'h:0'],
    ['echo', 'h:70000'],
    ['echo', 'nowhere'],
    ['check', 'x'],
    ['echo', 'h:1', '--called-aet', 'SEVENTEEN_LETTERS'],
    ['echo', 'h:1', '--tls-verify', 'perhaps'],
    ['echo', 'h:1', '--tls-cert', 'c.pem'],
    ['echo', 'h:1', '--tls', '--tls-key', 'c.key'],
    ['echo', 'pacs', '--tls'],
    ['queue', 'watch', '--interval', '40d'],
  ]) {
    const { said, rc } = world();
    expect([args, await rc(...args)]).toEqual([args, 2]);
    expect(said.err).not.toBe('');
    expect([said.calls, said.echoes]).toEqual([[], []]);
  }
  const { said, rc } = world();
  expect([await rc('--version'), said.out]).toEqual([0, '1.2.3\n']);
  for (const command of ['start', 'check', 'echo']) {
    const { said: help, rc: helped } = world();
    expect(await helped(command, '--help')).toBe(0);
    expect(help.out).toMatch(/--config <file>[\s\S]*--json[\s\S]*Exit codes:/);
  }
});
