/** TLS with the tools that a department has: on either side, on both, and everything that goes wrong with it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { type Authority, authority, type Certificate, replaceCertificate } from '../fixtures/certificates.ts';
import { echoscu, findscu, type StoreScp, storescp, storescu } from '../fixtures/dcmtk.ts';
import { eventually, within } from '../fixtures/deadline.ts';
import { faultPipe } from '../fixtures/fault-pipe.ts';
import { orthanc } from '../fixtures/orthanc.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { freePort } from '../fixtures/ports.ts';
import { type Finished, run } from '../fixtures/processes.ts';
import { type RunningProxy, startProxy } from '../fixtures/proxy.ts';
import { associateRq, ctImageStorage, explicitVrLittleEndian } from '../fixtures/raw-pdu.ts';
import { rawConnect } from '../fixtures/raw-scu.ts';
import { Stage } from '../fixtures/stage.ts';
import { type GeneratedInstance, generateStudy } from '../fixtures/study-generator.ts';
import { describeWith, missingTools } from '../fixtures/tools.ts';

const study = [...generateStudy({ slices: 6, rows: 256, columns: 256, seed: 77 })];
const contexts = [{ id: 1, abstractSyntax: ctImageStorage, transferSyntaxes: [explicitVrLittleEndian] }];

let stage: Stage;
let ca: Authority;
let ours: Certificate;
let pacsOwn: Certificate;
let scanner: Certificate;
beforeEach(async () => {
  stage = new Stage();
  ca = await authority(stage);
  [ours, pacsOwn, scanner] = await Promise.all([ca.issue('radiotracer'), ca.issue('pacs'), ca.issue('scanner')]);
}, 60_000);
afterEach(() => stage.clear(), 60_000);

const readText = (file: string) => readFile(file, 'utf8');

/** DCMTK's way to say so. */
const tls = ({ key, cert }: Certificate, of = ca) => ['+tls', key, cert, '+cf', of.ca];
/** The same without a certificate of its own. */
const anonymously = () => ['+tla', '+cf', ca.ca];
const toPacs = () => ({ ca: ca.ca, cert: ours.cert, key: ours.key });

async function files(instances: readonly GeneratedInstance[] = study): Promise<string[]> {
  const folder = await stage.folder('study');
  return await Promise.all(
    instances.map(async ({ path, bytes }) => {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
      return file;
    }),
  );
}

async function expectStored(pacs: StoreScp, withinMs = 20_000): Promise<void> {
  const stored = await pacs.storedAtLeast(study.length, withinMs);
  for (const { sopInstanceUid, bytes, dataSetOffset } of study)
    expect(stored.get(sopInstanceUid)?.dataSet.equals(Buffer.from(bytes.subarray(dataSetOffset)))).toBe(true);
}

function expectWell({ code, output }: Finished): void {
  expect({ code, output: output.split('\n').filter((line) => /^[EF]: /.test(line)) }).toEqual({ code: 0, output: [] });
}

/** The log line that tells of it. */
async function logged(proxy: RunningProxy, fields: Readonly<Record<string, unknown>>, withinMs?: number) {
  return await eventually(
    `a log line with ${JSON.stringify(fields)}`,
    () => proxy.logs().find((line) => Object.entries(fields).every(([key, value]) => line[key] === value)),
    withinMs,
  );
}

async function metrics(proxy: RunningProxy): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
}

/** radiotracer's own commands, with the proxy's configuration. */
async function command(proxy: RunningProxy, ...args: readonly string[]): Promise<Finished> {
  const main = join(repositoryFolder, 'apps/cli/src/main.ts');
  const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(repositoryFolder, '.cache/compile') };
  return await run(process.execPath, ['--conditions=@radiotracer/source', main, ...args, '--config', proxy.configFile], { env });
}

/** What a TLS client sees of the listener. */
async function secured(port: number, options: object): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, ...options });
  stage.defer(() => void socket.destroy());
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  socket.on('error', () => {});
  return socket;
}

describeWith(missingTools('openssl', 'storescu', 'storescp', 'echoscu'), 'TLS', () => {
  it('goes through from storescu to storescp, each side with certificates of both, byte for byte', async () => {
    const pacs = await storescp(stage, { args: tls(pacsOwn) });
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port, tls: toPacs() } },
      tls: { ...ours, ca: ca.ca },
    });
    expectWell(await echoscu({ port: proxy.port, args: tls(scanner) }));
    expectWell(await storescu({ port: proxy.port, args: tls(scanner) }, await files()));
    await expectStored(pacs);
    await logged(proxy, { message: 'association ended', 'dicom.association.role': 'server', 'tls.protocol.version': '1.3' });
    expect(proxy.logs().filter(({ level }) => Number(level) > 30 || level === 'warn' || level === 'error')).toEqual([]);

    const told = await eventually('the certificates in the metrics', async () => {
      const found = [...(await metrics(proxy)).matchAll(/^radiotracer_tls_certificate_expiry_seconds\{(.*)\} (.*)$/gm)];
      return found.length === 3 && found;
    });
    const days = told.map(([, labels = '', value]) => [
      labels.replace(/.*(radiotracer_(?:listener_port|destination_id))="([^"]*)".*owner="(\w+)".*/, '$2 $3'),
      Math.round(Number(value) / 86_400),
    ]);
    expect(new Map(days as [string, number][])).toEqual(
      new Map([
        [`${proxy.port} self`, 365],
        ['pacs self', 365],
        ['pacs peer', 365],
      ]),
    );

    const checked = await command(proxy, 'check');
    expect([checked.code, checked.stderr]).toEqual([0, '']);
    expect(checked.stdout).toMatch(/^pacs +127\.0\.0\.1:\d+ .* ok, TLS 1\.3 +ok /m);
    expect((await command(proxy, 'echo', 'pacs')).code).toBe(0);
  }, 120_000);

  it('an address that no configuration names is asked over TLS as well, and says what is wrong', async () => {
    const pacs = await storescp(stage, { args: tls(pacsOwn) });
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } } });
    const echo = (...args: readonly string[]) => command(proxy, 'echo', `127.0.0.1:${pacs.port}`, ...args);
    const shown = ['--tls-cert', ours.cert, '--tls-key', ours.key];
    const well = await echo('--tls-ca', ca.ca, ...shown, '--json');
    expect(JSON.parse(well.stdout)).toMatchObject({ ok: true, tls: { protocolVersion: '1.3' } });
    for (const [args, type] of [
      [[...shown], 'tls_unknown_authority'],
      [['--tls-ca', ca.ca], 'tls_certificate_refused'],
      [['--tls-ca', 'nowhere.pem', ...shown], 'tls_files'],
      [['--tls-ca', ca.ca, '--tls-server-name', 'pacs.example', ...shown], 'tls_wrong_name'],
    ] as const) {
      const failed = await echo(...args, '--json');
      expect([failed.code, JSON.parse(failed.stdout)]).toMatchObject([1, { ok: false, error: { type } }]);
      expect(failed.stderr).not.toBe('');
    }
    // Which name was looked for, and which it has.
    expect((await echo('--tls-ca', ca.ca, '--tls-server-name', 'pacs.example', ...shown)).stderr).toMatch(
      /Host: pacs\.example\..*DNS:localhost/,
    );
    expect((await echo('--tls-ca', 'nowhere.pem')).stderr).toContain('(ANY-SCP): --tls-ca: there is no file nowhere.pem');
    // Plain to a port of TLS: it hangs up, mostly without an alert.
    const plainly = await echo();
    expect([plainly.code, plainly.stderr]).toEqual([1, expect.stringMatching(/speaks? TLS/)]);
    expect((await echo('--tls-ca', ca.ca, '--tls-server-name', 'pacs.example', '--tls-verify', 'authority', ...shown)).code).toBe(0);
    expect((await echo('--tls-verify', 'none', ...shown)).code).toBe(0);
  }, 120_000);

  it('on one side only, on either', async () => {
    const [secure, plain] = [await storescp(stage, { args: tls(pacsOwn) }), await storescp(stage)];
    const terminating = await startProxy(stage, { destinations: { pacs: { port: plain.port } }, tls: ours });
    expectWell(await storescu({ port: terminating.port, args: anonymously() }, await files()));
    await expectStored(plain);
    const adding = await startProxy(stage, { destinations: { pacs: { port: secure.port, tls: toPacs() } } });
    expectWell(await storescu({ port: adding.port }, await files()));
    await expectStored(secure);
  }, 120_000);

  it('a modality without a certificate, or with one of somebody else, is refused where one is required', async () => {
    const pacs = await storescp(stage);
    const other = await authority(stage, 'Another authority');
    const stranger = await other.issue('stranger');
    const expired = await ca.issue('expired', { days: -1 });
    const start = (more: object) =>
      startProxy(stage, { destinations: { pacs: { port: pacs.port } }, tls: { ...ours, ca: ca.ca, ...more } });
    const requiring = await start({});
    expect((await echoscu({ port: requiring.port, args: anonymously() })).code).not.toBe(0);
    await logged(requiring, { message: 'association ended', 'error.type': 'tls_certificate_missing', 'network.peer.address': '127.0.0.1' });
    for (const [shown, errorType] of [
      [stranger, 'tls_unknown_authority'],
      [expired, 'tls_certificate_expired'],
    ] as const) {
      expect((await storescu({ port: requiring.port, args: tls(shown) }, await files())).code).not.toBe(0);
      await logged(requiring, { message: 'association ended', 'error.type': errorType });
    }
    const requesting = await start({ clientCertificate: 'request' });
    expectWell(await echoscu({ port: requesting.port, args: anonymously() }));
    expectWell(await echoscu({ port: requesting.port, args: tls(scanner) }));
    expect((await echoscu({ port: requesting.port, args: tls(stranger) })).code).not.toBe(0);
    await logged(requesting, { message: 'association ended', 'error.type': 'tls_unknown_authority' });
    // A certificate that a device has made for itself, as most come.
    const knowing = await start({ ca: other.ca });
    expectWell(await echoscu({ port: knowing.port, args: tls({ cert: other.ca, key: other.key }) }));
    expect((await echoscu({ port: knowing.port, args: tls(scanner) })).code).not.toBe(0);
    expect((await pacs.stored()).size).toBe(0);
  }, 120_000);

  it('a PACS whose certificate has expired, and then is of an authority that is not known, is taken over; a file put in its place has it delivered', async () => {
    const port = await freePort();
    const trusted = join(await stage.folder('trusted'), 'ca.pem');
    await writeFile(trusted, await readText(ca.ca));
    const expired = await ca.issue('expired', { days: -1 });
    const before = await storescp(stage, { port, args: tls(expired) });
    const proxy = await startProxy(stage, {
      destinations: {
        pacs: { port, tls: { ...toPacs(), ca: trusted }, retry: { initial: '100ms', max: '300ms' }, circuit: { probe: '200ms' } },
      },
    });
    expectWell(await storescu({ port: proxy.port }, await files()));
    await logged(proxy, { message: 'taken over', 'error.type': 'tls_certificate_expired' });
    const failing = await command(proxy, 'check');
    expect([failing.code, failing.stderr]).toEqual([1, expect.stringContaining('the peer’s certificate has expired')]);
    await before.process.end('SIGTERM');

    const other = await authority(stage, 'The authority to come');
    const after = await storescp(stage, { port, args: [...tls(await other.issue('renewed'))] });
    await eventually('it to be refused', async () => (await command(proxy, 'echo', 'pacs')).stderr.includes('signed by nobody'));
    expect((await after.stored()).size).toBe(0);
    await writeFile(trusted, `${await readText(ca.ca)}${await readText(other.ca)}`);
    await logged(proxy, { message: 'files of TLS have changed and are used', key: 'destinations.pacs.tls' });
    await expectStored(after, 30_000);
    await logged(proxy, { message: 'backlog delivered' });
  }, 120_000);

  it('a listener takes up a new certificate, and keeps the old one over files that cannot be used', async () => {
    const pacs = await storescp(stage);
    const place = await ca.issue('listener');
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } }, tls: place });
    const subject = async () => {
      const socket = await secured(proxy.port, { ca: await readText(ca.ca) });
      const { subject: of } = socket.getPeerCertificate();
      socket.destroy();
      return of.CN;
    };
    expect(await subject()).toBe('listener');
    const open = await secured(proxy.port, { ca: await readText(ca.ca) });
    await replaceCertificate(place, ours);
    await eventually('the new certificate', async () => (await subject()) === 'radiotracer', 20_000);
    await writeFile(place.key, await readText(scanner.key));
    const line = await logged(proxy, { message: 'files of TLS have changed and cannot be used; what was there before is used on' }, 30_000);
    expect(line['error.message']).toBe(
      `listeners[0].tls.key: ${place.key} is not the key of the certificate in ${place.cert}; name the two that were made together`,
    );
    expect(await subject()).toBe('radiotracer');
    expectWell(await storescu({ port: proxy.port, args: anonymously() }, await files()));
    // Nothing has touched those that were there.
    open.write(associateRq({ contexts }));
    const answer = await within(
      10_000,
      'the answer on the connection of before',
      new Promise<Buffer>((resolve) => open.once('data', resolve)),
    );
    expect(answer[0]).toBe(0x02);
  }, 120_000);

  it('who speaks no TLS to a listener that does, or says nothing, or stops in the handshake, is closed in time with a reason', async () => {
    const pacs = await storescp(stage);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pacs.port } },
      tls: ours,
      more: { timeouts: { artim: '500ms' } },
    });
    expect((await storescu({ port: proxy.port }, await files())).code).not.toBe(0);
    const plain = await logged(proxy, { message: 'association ended', 'error.type': 'tls_plain_peer' });
    expect(plain).toMatchObject({ 'network.peer.address': '127.0.0.1', 'dicom.association.role': 'server' });

    const hello = await clientHello();
    const [silent, halting, dripping] = [
      await rawConnect(stage, proxy.port),
      await rawConnect(stage, proxy.port),
      await rawConnect(stage, proxy.port),
    ];
    halting.send(hello.subarray(0, 60));
    let dripped = 0;
    const drip = setInterval(() => dripping.send(hello.subarray(dripped++, dripped)), 50);
    stage.defer(() => clearInterval(drip));
    await within(10_000, 'all three to be closed', Promise.all([silent.ended, halting.ended, dripping.ended]));
    expect(dripped).toBeLessThan(hello.length);
    await eventually('their reasons', () => proxy.logs().filter((line) => line['error.type'] === 'tls_handshake_timeout').length === 3);

    // A look whether the port is open is nothing to tell.
    const lines = proxy.logs().length;
    (await rawConnect(stage, proxy.port)).socket.end();
    expectWell(await storescu({ port: proxy.port, args: anonymously() }, await files()));
    await logged(proxy, { message: 'association ended', 'dicom.association.outcome': 'released' });
    expect(
      proxy
        .logs()
        .slice(lines)
        .filter((line) => String(line['error.type'] ?? '') !== ''),
    ).toEqual([]);
    expect(JSON.stringify(proxy.logs())).not.toContain('PHANTOM');
  }, 120_000);

  it('speaks TLS 1.2 too, and nothing that is weaker than the profile', async () => {
    const proxy = await startProxy(stage, { destinations: { pacs: { port: await freePort() } }, tls: ours });
    const trusting = { ca: await readText(ca.ca) };
    const old = await secured(proxy.port, { ...trusting, maxVersion: 'TLSv1.2' });
    expect([old.getProtocol(), old.getCipher().standardName]).toEqual(['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384']);
    for (const weaker of [
      { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' },
      { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' },
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA' },
    ])
      await expect(secured(proxy.port, { ...trusting, ...weaker })).rejects.toMatchObject({ code: expect.stringContaining('ALERT') });
    await eventually('the reasons', () => proxy.logs().filter((line) => line['error.type'] === 'tls_failure').length === 3);
    const newest = await startProxy(stage, { destinations: { pacs: { port: await freePort() } }, tls: { ...ours, minVersion: 'TLSv1.3' } });
    await expect(secured(newest.port, { ...trusting, maxVersion: 'TLSv1.2' })).rejects.toMatchObject({
      code: expect.stringContaining('ALERT'),
    });
  }, 60_000);

  it('a peer whose certificate is not taken gets not a byte of the association', async () => {
    const received: Buffer[] = [];
    const other = await (await authority(stage, 'Another authority')).issue('impostor');
    const server = createTlsServer({ cert: await readText(other.cert), key: await readText(other.key) }, (socket) =>
      socket.on('error', () => {}).on('data', (bytes: Buffer) => received.push(bytes)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage.defer(() => void server.close());
    const gone = new Promise((resolve) => server.once('connection', (socket: Socket) => socket.once('close', resolve)));
    const proxy = await startProxy(stage, { destinations: { pacs: { port: (server.address() as AddressInfo).port, tls: toPacs() } } });
    expectWell(await echoscu({ port: proxy.port }));
    await logged(proxy, { message: 'taken over', 'error.type': 'tls_unknown_authority' });
    await within(10_000, 'the connection to be closed', gone);
    expect(Buffer.concat(received).toString('latin1')).toBe('');
  }, 60_000);

  it('stops at once while handshakes are under way', async () => {
    const proxy = await startProxy(stage, { destinations: { pacs: { port: await freePort() } }, tls: ours });
    const waiting = await rawConnect(stage, proxy.port);
    waiting.send((await clientHello()).subarray(0, 60));
    const idle = await secured(proxy.port, { ca: await readText(ca.ca) });
    await proxy.stop();
    await waiting.ended;
    await eventually('the other to be closed', () => idle.closed);
  }, 60_000);

  it('a listener trusts whoever its ca names, also an authority below another, or one modality, and not others of the same root; also after a renewal', async () => {
    const radiology = await ca.issue('radiology', { isAuthority: true });
    const modality = await ca.issue('modality', { by: radiology });
    const trusted = join(await stage.folder('trusted'), 'ca.pem');
    await writeFile(trusted, await readText(radiology.cert));
    const pacs = await storescp(stage);
    const proxy = await startProxy(stage, { destinations: { pacs: { port: pacs.port } }, tls: { ...ours, ca: trusted } });
    const echo = async (shown: Certificate) => (await echoscu({ port: proxy.port, args: tls(shown) })).code === 0;
    expect([await echo(modality), await echo(scanner)]).toEqual([true, false]);
    await logged(proxy, { message: 'association ended', 'error.type': 'tls_unknown_authority' });
    await writeFile(trusted, await readText(scanner.cert));
    await logged(proxy, { message: 'files of TLS have changed and are used' }, 20_000);
    expect([await echo(modality), await echo(scanner), await echo(pacsOwn)]).toEqual([false, true, false]);
  }, 60_000);

  it('a certificate that is too weak is told as one that is not taken, on either side, and not as a peer that hangs up', async () => {
    const weak = await ca.issue('weak', { keyBits: 1024 });
    const [cert, key] = [await readText(weak.cert), await readText(weak.key)];
    // Node's own, with the bounds of OpenSSL lowered: as a device does that is older than they are.
    const server = createTlsServer({ cert, key, ciphers: 'DEFAULT:@SECLEVEL=0' }, (socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage.defer(() => void server.close());
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: (server.address() as AddressInfo).port, tls: toPacs() } },
      tls: { ...ours, ca: ca.ca },
    });
    await secured(proxy.port, { ca: await readText(ca.ca), cert, key, ciphers: 'DEFAULT:@SECLEVEL=0' });
    await logged(proxy, { message: 'association ended', 'error.type': 'tls_certificate_invalid' });
    expectWell(await echoscu({ port: proxy.port, args: tls(scanner) }));
    await logged(proxy, { message: 'taken over', 'error.type': 'tls_certificate_invalid' });
    const echoed = await command(proxy, 'echo', 'pacs');
    expect([echoed.code, echoed.stderr]).toEqual([1, expect.stringContaining('the peer’s certificate is not valid')]);
    expect(echoed.stderr).toContain('EE certificate key too weak');
  }, 60_000);

  it('TLS to a listener without it is told as that', async () => {
    const proxy = await startProxy(stage, { destinations: { pacs: { port: await freePort() } } });
    expect((await echoscu({ port: proxy.port, args: anonymously() })).code).not.toBe(0);
    await logged(proxy, { message: 'association ended', 'error.type': 'tls_unexpected' });
  }, 60_000);

  it('a PACS with another name, without TLS, or with TLS that is not configured is taken over, and the reason is told', async () => {
    const misnamed = await storescp(stage, { args: tls(await ca.issue('misnamed', { names: ['DNS:pacs.example'] })) });
    const plain = await storescp(stage);
    const secure = await storescp(stage, { args: tls(pacsOwn) });
    const mute = await muteServer();
    const proxy = await startProxy(stage, {
      destinations: {
        misnamed: { port: misnamed.port, tls: toPacs() },
        plain: { port: plain.port, tls: toPacs() },
        secure: { port: secure.port },
        mute: { port: mute, tls: toPacs() },
        uncertified: { port: secure.port, tls: { ca: ca.ca } },
        named: { port: misnamed.port, tls: { ...toPacs(), serverName: 'pacs.example' } },
        nameless: { port: misnamed.port, tls: { ...toPacs(), verify: 'authority' } },
        pinned: { port: secure.port, tls: { ...toPacs(), ca: pacsOwn.cert } },
        unverified: { port: misnamed.port, tls: { cert: ours.cert, key: ours.key, verify: 'none' } },
      },
      routes: ['misnamed', 'plain', 'secure', 'mute', 'uncertified', 'named', 'nameless', 'pinned', 'unverified'].map((to) => ({
        calledAet: to.toUpperCase(),
        to,
      })),
      more: { timeouts: { connect: '500ms', associate: '2s', storeResponse: '2s' } },
    });
    const sent = await files(study.slice(0, 1));
    for (const [to, ...errorTypes] of [
      ['misnamed', 'tls_wrong_name'],
      // A peer that does not know what TLS is may answer in its own language, or hang up.
      ['plain', 'tls_plain_peer', 'tls_failure'],
      // It says so in an alert, and resets: whichever is first.
      ['secure', 'tls_unexpected', 'connection_reset'],
      ['mute', 'tls_handshake_timeout'],
      ['uncertified', 'tls_certificate_refused'],
    ] as const) {
      expectWell(await storescu({ port: proxy.port, called: to.toUpperCase() }, sent));
      const line = await logged(proxy, { message: 'taken over', 'radiotracer.destination.id': to });
      expect(errorTypes).toContain(line['error.type']);
    }
    for (const to of ['named', 'nameless', 'pinned', 'unverified'])
      expectWell(await storescu({ port: proxy.port, called: to.toUpperCase() }, sent));
    expect(proxy.logs().filter(({ message }) => message === 'taken over')).toHaveLength(5);
  }, 120_000);

  it('a connection that is cut in the middle of an instance is taken over, and delivered', async () => {
    const pacs = await storescp(stage, { args: tls(pacsOwn) });
    const pipe = await faultPipe(stage, pacs.port);
    const proxy = await startProxy(stage, {
      destinations: { pacs: { port: pipe.port, tls: toPacs(), retry: { initial: '100ms', max: '300ms' }, circuit: { probe: '200ms' } } },
      tls: ours,
    });
    expectWell(await echoscu({ port: proxy.port, args: anonymously() }));
    pipe.cutAfter(300_000);
    expectWell(await storescu({ port: proxy.port, args: anonymously() }, await files()));
    await logged(proxy, { message: 'taken over', 'radiotracer.take_over.when': 'within' });
    await expectStored(pacs);
  }, 120_000);

  describeWith(missingTools('Orthanc', 'findscu'), 'Orthanc', () => {
    it('takes images, answers queries, and is asked by the ledger what it has', async () => {
      const folder = await stage.folder('trusted');
      const trusted = join(folder, 'trusted.pem');
      await writeFile(trusted, await readText(ca.ca));
      const pacs = await orthanc(stage, {
        aet: 'ORTHANC',
        more: {
          DicomTlsEnabled: true,
          DicomTlsCertificate: pacsOwn.cert,
          DicomTlsPrivateKey: pacsOwn.key,
          DicomTlsTrustedCertificates: trusted,
        },
      });
      const proxy = await startProxy(stage, {
        destinations: { pacs: { port: pacs.port, aet: 'ORTHANC', tls: toPacs() } },
        tls: ours,
        more: { integrity: { quietPeriod: '200ms', verifyDelay: '200ms' } },
      });
      expectWell(await storescu({ port: proxy.port, args: anonymously() }, await files()));
      expect((await pacs.instances()).toSorted()).toEqual(study.map(({ sopInstanceUid }) => sopInstanceUid).toSorted());
      const found = await findscu({ port: proxy.port, args: ['-S', ...anonymously()] }, ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID']);
      expectWell(found);
      expect(found.output).toContain(study[0]?.studyInstanceUid);
      await eventually('the study to be confirmed', async () =>
        /radiotracer_integrity_checks_total\{.*check="verify".*result="confirmed".*\} 1/.test(await metrics(proxy)),
      );
    }, 120_000);
  });
});

/** What a client says first. */
async function clientHello(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const port = await listenWith((socket) => socket.once('data', resolve));
  connectTls({ host: '127.0.0.1', port }).on('error', () => {});
  return await within(10_000, 'a client hello', promise);
}

/** Accepts connections and says nothing. */
const muteServer = () => listenWith(() => {});

async function listenWith(accept: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    stage.defer(() => void socket.on('error', () => {}).destroy());
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
}
