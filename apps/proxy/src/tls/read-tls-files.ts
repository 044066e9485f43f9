/** Reads the files that one listener or destination names for TLS, and says of each what is wrong with it and what to do. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { TlsVersion } from '@radiotracer/config';
import { secureContextOptions, type TlsMaterial } from '@radiotracer/upper-layer';

/** What the configuration names, or a command line. */
export interface TlsFileNames {
  /** Its place there: `listeners[0].tls`; or `--tls`, of a command line. */
  readonly key: string;
  /** Between that and what a file is there: `listeners[0].tls.cert`, `--tls-cert`. */
  readonly separator: '.' | '-';
  readonly files: { readonly cert: string | undefined; readonly key: string | undefined; readonly ca: string | undefined };
  readonly minVersion: TlsVersion;
}

export interface TlsFinding {
  /** unusable: nothing can be done with it; the others: peers decide. */
  readonly kind: 'unusable' | 'expired' | 'not-yet-valid' | 'expires-soon';
  /** What, where, what to do: one line. */
  readonly message: string;
}

export interface TlsFilesRead {
  /** Undefined: unusable. */
  readonly material: TlsMaterial | undefined;
  /** Unix time, ms, when the first certificate of our own chain expires; undefined: there is none. */
  readonly expiresAt: number | undefined;
  readonly findings: readonly TlsFinding[];
}

/** Fails as `node:fs` does. */
export type ReadText = (file: string) => Promise<string>;

/** As the alert that warns. */
const soonMs = 28 * 86_400_000;
/** From one beginning to the next: what has no end is to be told. OpenSSL stops there, and says nothing where it reads authorities. */
const beginningPattern = /(?=-----BEGIN )/;
const certificatePattern = /^-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;

class Unusable extends Error {}

/** Never rejects. `now`: Unix time, ms. */
export async function readTlsFiles(names: TlsFileNames, readText: ReadText, now: number): Promise<TlsFilesRead> {
  const findings: TlsFinding[] = [];
  const tried = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      findings.push({ kind: 'unusable', message: error.message });
      return undefined;
    }
  };
  const { key: place, minVersion } = names;
  const at = (file: keyof TlsFileNames['files']) => `${place}${names.separator}${file}`;
  const { cert: certFile, key: keyFile, ca: caFile } = names.files;
  const cert = await tried(async () => certFile && (await readCertificates(at('cert'), certFile, readText)));
  const key = await tried(async () => keyFile && (await readKey(at('key'), keyFile, readText)));
  const ca = await tried(async () => caFile && (await readCertificates(at('ca'), caFile, readText)));
  if (cert && key && certFile !== undefined && keyFile !== undefined)
    await tried(async () => checkPair(at, { certFile, keyFile }, cert.certificates, key.key));
  const usable = findings.length === 0;
  const material = { cert: cert ? cert.text : undefined, key: key ? key.text : undefined, ca: ca ? ca.text : undefined, minVersion };
  if (usable) await tried(async () => checkWhole(place, material));
  const expiries = cert ? cert.certificates.map(({ validToDate }) => validToDate.getTime()) : [];
  const expiresAt = expiries.length === 0 ? undefined : Math.min(...expiries);
  if (cert) findings.push(...expiryFindings(at('cert'), certFile ?? '', cert.certificates, now));
  if (ca) findings.push(...authorityFindings(at('ca'), caFile ?? '', ca.certificates, now));
  return { material: findings.some(({ kind }) => kind === 'unusable') ? undefined : material, expiresAt, findings };
}

async function readFileOf(place: string, file: string, readText: ReadText): Promise<string> {
  try {
    return await readText(file);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EISDIR') throw new Unusable(`${place}: ${file} is a folder; name the file in it`);
    if (code === 'ENOENT') throw new Unusable(`${place}: there is no file ${file}; name one that is there`);
    throw new Unusable(`${place}: ${file} cannot be read (${code}); the user that runs radiotracer must be able to`);
  }
}

async function readCertificates(place: string, file: string, readText: ReadText) {
  const text = await readFileOf(place, file, readText);
  const blocks = text.split(beginningPattern).filter((block) => certificatePattern.test(block));
  if (blocks.length === 0) throw new Unusable(`${place}: ${whyNone('certificate', file, text)}`);
  const certificates = blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      const which = blocks.length === 1 ? 'the certificate' : `certificate ${index + 1}`;
      throw new Unusable(`${place}: ${which} in ${file} is damaged, or not whole; copy it anew`);
    }
  });
  return { text, certificates };
}

async function readKey(place: string, file: string, readText: ReadText): Promise<{ readonly text: string; readonly key: KeyObject }> {
  const text = await readFileOf(place, file, readText);
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text))
    throw new Unusable(`${place}: ${file} has a passphrase; \`openssl pkey -in ${file}\` writes it without`);
  try {
    return { text, key: createPrivateKey(text) };
  } catch {
    throw new Unusable(`${place}: ${whyNone('private key', file, text)}`);
  }
}

/** Of a file that was read, and has none that can be used: what it is instead, and what to do. */
function whyNone(wanted: 'certificate' | 'private key', file: string, text: string): string {
  if (text.trim() === '') return `${file} is empty; name the file that holds the ${wanted}`;
  const [, label] = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text) ?? [];
  const isWanted = label?.endsWith(wanted.toUpperCase());
  if (label !== undefined && isWanted) return `the ${wanted} in ${file} is damaged, or not whole; copy it anew`;
  if (label !== undefined) return `${file} holds a ${label.toLowerCase()}, and no ${wanted}; name the file that holds it`;
  const made = (command: string, from: string) => `\`openssl ${command.replace('FILE', file)}\` makes that of ${from}`;
  if (/\.(p12|pfx)$/i.test(file)) return `${file} holds no ${wanted} in PEM; ${made('pkcs12 -in FILE -nodes', 'PKCS #12')}`;
  return `${file} holds no ${wanted} in PEM; ${made(`${wanted === 'certificate' ? 'x509' : 'pkey'} -in FILE -inform der`, 'DER')}`;
}

async function checkPair(
  at: (file: 'cert' | 'key') => string,
  { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
  certificates: readonly X509Certificate[],
  key: KeyObject,
): Promise<void> {
  const index = certificates.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (index === 0) return;
  throw new Unusable(
    index < 0
      ? `${at('key')}: ${keyFile} is not the key of the certificate in ${certFile}; name the two that were made together`
      : `${at('cert')}: the certificate that ${keyFile} is for stands at place ${index + 1} in ${certFile}; put it first, those that signed it after it`,
  );
}

/** What OpenSSL finds wrong beside that: a key that is too short, for one. */
async function checkWhole(place: string, material: TlsMaterial): Promise<void> {
  try {
    createSecureContext(secureContextOptions(material));
  } catch (error) {
    throw new Unusable(`${place}: OpenSSL does not take these files (${codeOf(error)}); have them made anew`);
  }
}

/** POSIX's, or OpenSSL's. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
}

function expiryFindings(place: string, file: string, certificates: readonly X509Certificate[], now: number): TlsFinding[] {
  return certificates.flatMap((certificate, index): TlsFinding[] => {
    const which = certificates.length === 1 ? 'the certificate' : `certificate ${index + 1}`;
    const expiresAt = certificate.validToDate.getTime();
    const on = certificate.validToDate.toISOString().slice(0, 10);
    if (expiresAt <= now)
      return [
        {
          kind: 'expired',
          message: `${place}: ${which} in ${file} has expired on ${on}; peers that look will refuse it: put a new one there`,
        },
      ];
    if (certificate.validFromDate.getTime() > now)
      return [
        {
          kind: 'not-yet-valid',
          message: `${place}: ${which} in ${file} is not valid before ${momentText(certificate.validFromDate)}; peers that look will refuse it: is the clock of this machine right?`,
        },
      ];
    if (expiresAt - now < soonMs)
      return [{ kind: 'expires-soon', message: `${place}: ${which} in ${file} expires on ${on}; put a new one there before` }];
    return [];
  });
}

/** UTC, to the minute. */
function momentText(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Of many authorities one that has expired is nothing; when all have, nobody is trusted. */
function authorityFindings(place: string, file: string, certificates: readonly X509Certificate[], now: number): TlsFinding[] {
  const first = Math.min(...certificates.map(({ validFromDate }) => validFromDate.getTime()));
  if (first > now)
    return [
      {
        kind: 'not-yet-valid',
        message: `${place}: what is in ${file} is not valid before ${momentText(new Date(first))}; whoever it signed is refused: is the clock of this machine right?`,
      },
    ];
  const last = Math.max(...certificates.map(({ validToDate }) => validToDate.getTime()));
  const on = new Date(last).toISOString().slice(0, 10);
  if (last <= now)
    return [
      { kind: 'expired', message: `${place}: what is in ${file} has expired on ${on}; whoever it signed is refused: put a new one there` },
    ];
  if (last - now < soonMs)
    return [{ kind: 'expires-soon', message: `${place}: what is in ${file} expires on ${on}; put a new one there before` }];
  return [];
}
