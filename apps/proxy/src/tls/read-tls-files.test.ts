import { readTlsFiles } from './read-tls-files.ts';

/** Valid from 2026-11-30 09:26:45 UTC on, for a year. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUaxDgQIzt5eIswDYRUmkFK8KXAEwwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFcHJveHkwHhcNMjYxMTMwMDkyNjQ1WhcNMjcxMTMwMDkyNjQ1
WjAQMQ4wDAYDVQQDDAVwcm94eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABL8l
OWIQ4WUK177sjCV6Xo3zaT/WATYrWyMo9mXSQ9MAfeFjGv3dEWoklRsylzn4mxBg
iFCB58UVKBpxVR5BuACjUzBRMB0GA1UdDgQWBBRClDw/E7Ou0hf3IsqMytaCREdY
ETAfBgNVHSMEGDAWgBRClDw/E7Ou0hf3IsqMytaCREdYETAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDrZkeC91z8zrOK6Tag+F5dI+I30b+bG+1c
lPfEO7/g3gIhALa2X+8pgD9GGZeJRi0aRfjYm9601jkt8NRf+EWAOUa5
-----END CERTIFICATE-----`;
const from = Date.parse('2026-11-30T09:26:45Z');

const read = async (now: number) => {
  const names = { key: 'tls', separator: '.', files: { cert: 'c.pem', key: undefined, ca: 'a.pem' }, minVersion: 'TLSv1.2' } as const;
  const { findings, material } = await readTlsFiles(names, async () => certificate, now);
  expect(material).toBeDefined();
  return findings;
};

it('what is not valid yet, or would be if the clock were right, is told and used', async () => {
  expect(await read(from)).toEqual([]);
  expect(await read(from - 1)).toEqual([
    {
      kind: 'not-yet-valid',
      message:
        'tls.cert: the certificate in c.pem is not valid before 2026-11-30 09:26 UTC; peers that look will refuse it: is the clock of this machine right?',
    },
    {
      kind: 'not-yet-valid',
      message:
        'tls.ca: what is in a.pem is not valid before 2026-11-30 09:26 UTC; whoever it signed is refused: is the clock of this machine right?',
    },
  ]);
});
