/** What is wrong with the files of TLS is told before anything starts, each in a line that says what to do. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, authority, type Certificate } from '../fixtures/certificates.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { freePort } from '../fixtures/ports.ts';
import { run } from '../fixtures/processes.ts';
import { launchProxy, proxyPlace } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { describeWith, missingTools } from '../fixtures/tools.ts';

interface Finding {
  readonly kind: 'unusable' | 'expired' | 'expires-soon';
  readonly message: string;
}

const stage = new Stage();
afterAll(() => stage.clear());

const read = (file: string) => readFile(file, 'utf8');

describeWith(missingTools('openssl'), 'the files of TLS', () => {
  let ca: Authority;
  let good: Certificate;
  let folder: string;
  beforeAll(async () => {
    ca = await authority(stage);
    good = await ca.issue('good');
    folder = await stage.folder('files');
  }, 60_000);

  /** What `radiotracer check` says of them, as those of a destination. */
  async function findings(files: { readonly cert?: string; readonly key?: string; readonly ca?: string }): Promise<readonly Finding[]> {
    const config = join(folder, 'radiotracer.yaml');
    await writeFile(
      config,
      JSON.stringify({
        listeners: [{ host: '127.0.0.1', port: 11_112 }],
        destinations: { pacs: { host: '127.0.0.1', port: await freePort(), tls: files } },
        routes: [{ to: 'pacs' }],
        spool: { dir: join(folder, 'spool') },
      }),
    );
    const main = join(repositoryFolder, 'apps/cli/src/main.ts');
    const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(repositoryFolder, '.cache/compile') };
    const checked = await run(process.execPath, ['--conditions=@radiotracer/source', main, 'check', '--json', '--config', config], { env });
    const { tls, destinations } = JSON.parse(checked.stdout) as {
      readonly tls: readonly Finding[];
      readonly destinations: readonly { readonly error: { readonly type: string; readonly message: string } }[];
    };
    // With files that cannot be used it is not called at all, and told once.
    const isUnusable = tls.some(({ kind }) => kind === 'unusable');
    expect(destinations[0]?.error.type).toBe(isUnusable ? 'tls_files' : 'connection_refused');
    for (const { message } of tls) expect(checked.stderr.split(message)).toHaveLength(2);
    return tls;
  }

  const unusable = (message: string) => [{ kind: 'unusable', message: `destinations.pacs.tls.${message}` }];

  it('that are well are nothing to tell, also with the authority behind the certificate', async () => {
    expect(await findings({ ...good, ca: ca.ca })).toEqual([]);
    const chain = join(folder, 'chain.pem');
    await writeFile(chain, `${await read(good.cert)}${await read(ca.ca)}`);
    expect(await findings({ ...good, cert: chain })).toEqual([]);
  }, 60_000);

  it('that are not there, are no PEM, or do not belong together', async () => {
    const other = await ca.issue('other');
    const der = join(folder, 'cert.der');
    await run('openssl', ['x509', '-in', good.cert, '-outform', 'der', '-out', der]);
    const locked = join(folder, 'locked.key');
    await run('openssl', ['pkey', '-in', good.key, '-aes256', '-passout', 'pass:secret', '-out', locked]);
    const backwards = join(folder, 'backwards.pem');
    await writeFile(backwards, `${await read(ca.ca)}${await read(good.cert)}`);
    const empty = join(folder, 'empty.pem');
    await writeFile(empty, '\n');
    const torn = join(folder, 'torn.pem');
    await writeFile(torn, (await read(good.cert)).replace(/\n.{64}\n/, '\n'));

    expect(await findings({ ...good, key: '/nowhere.key' })).toEqual(
      unusable('key: there is no file /nowhere.key; name one that is there'),
    );
    expect(await findings({ ...good, cert: folder })).toEqual(unusable(`cert: ${folder} is a folder; name the file in it`));
    expect(await findings({ ...good, cert: der })).toEqual(
      unusable(`cert: ${der} holds no certificate in PEM; \`openssl x509 -in ${der} -inform der\` makes that of DER`),
    );
    expect(await findings({ ca: good.key })).toEqual(
      unusable(`ca: ${good.key} holds a private key, and no certificate; name the file that holds it`),
    );
    expect(await findings({ ca: empty })).toEqual(unusable(`ca: ${empty} is empty; name the file that holds the certificate`));
    expect(await findings({ ...good, cert: torn })).toEqual(
      unusable(`cert: the certificate in ${torn} is damaged, or not whole; copy it anew`),
    );
    // Half of a bundle is no bundle: OpenSSL stops there, and says nothing.
    const [bundle, chain, half] = [join(folder, 'bundle.pem'), join(folder, 'half-chain.pem'), (await read(ca.ca)).slice(0, 400)];
    await writeFile(bundle, `${await read(good.cert)}${half}`);
    await writeFile(chain, `${await read(good.cert)}${half}`);
    expect(await findings({ ca: bundle })).toEqual(unusable(`ca: certificate 2 in ${bundle} is damaged, or not whole; copy it anew`));
    expect(await findings({ ...good, cert: chain })).toEqual(
      unusable(`cert: certificate 2 in ${chain} is damaged, or not whole; copy it anew`),
    );
    expect(await findings({ ...good, key: locked })).toEqual(
      unusable(`key: ${locked} has a passphrase; \`openssl pkey -in ${locked}\` writes it without`),
    );
    expect(await findings({ ...good, key: good.cert })).toEqual(
      unusable(`key: ${good.cert} holds a certificate, and no private key; name the file that holds it`),
    );
    expect(await findings({ ...good, key: other.key })).toEqual(
      unusable(`key: ${other.key} is not the key of the certificate in ${good.cert}; name the two that were made together`),
    );
    expect(await findings({ ...good, cert: backwards })).toEqual(
      unusable(
        `cert: the certificate that ${good.key} is for stands at place 2 in ${backwards}; put it first, those that signed it after it`,
      ),
    );
  }, 60_000);

  it('that expire are told, and used', async () => {
    const [expired, soon] = [await ca.issue('expired', { days: -1 }), await ca.issue('soon', { days: 20 })];
    const on = /on \d{4}-\d\d-\d\d/;
    expect(await findings(expired)).toEqual([{ kind: 'expired', message: expect.stringMatching(on) }]);
    expect(await findings(soon)).toEqual([{ kind: 'expires-soon', message: expect.stringMatching(on) }]);
    expect(await findings({ ca: expired.cert })).toEqual([{ kind: 'expired', message: expect.stringMatching(on) }]);
  }, 60_000);

  it('that cannot be used keep the proxy from starting: nothing listens, and each is named', async () => {
    const place = await proxyPlace(await stage.folder('proxy'));
    const wrong = await ca.issue('wrong');
    const running = await launchProxy(place, {
      destinations: { pacs: { port: await freePort(), tls: { ca: '/nowhere.pem' } } },
      tls: { cert: good.cert, key: wrong.key },
    });
    stage.defer(() => running.end('SIGKILL'));
    expect((await running.exited).code).toBe(1);
    expect(running.stderr).toBe(
      `cannot start: listeners[0].tls.key: ${wrong.key} is not the key of the certificate in ${good.cert}; name the two that were made together; destinations.pacs.tls.ca: there is no file /nowhere.pem; name one that is there\n`,
    );
    expect(running.stdout).not.toContain('listening');
  }, 60_000);
});
