import type { DestinationTls } from '@radiotracer/config';
import { type Command, Option } from 'commander';
import { CommandFailure, ExitCode } from './exit-code.ts';

/** TLS for an address that no configuration names; what a destination has stands there, under the same names. */
export interface EchoTlsOptions {
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly tlsVerify?: DestinationTls['verify'];
}

export function addTlsOptions(command: Command): Command {
  return command
    .option('--tls', 'to host:port: over TLS, as are all of these; of a destination the configuration says how')
    .option('--tls-ca <file>', 'PEM: its certificate, or that of whoever signed it; without it the authorities that Node.js knows')
    .option('--tls-cert <file>', 'PEM: the certificate that it sees where it asks for one')
    .option('--tls-key <file>', 'PEM: its private key')
    .option('--tls-server-name <name>', 'what its certificate must be for; without it the host')
    .addOption(
      new Option(
        '--tls-verify <how>',
        'full, without it: signed by whom we know, and for its name; authority: whatever name; none: anything is taken',
      ).choices(['full', 'authority', 'none'] satisfies DestinationTls['verify'][]),
    );
}

/** Undefined: plain TCP. @throws CommandFailure */
export function tlsOf(options: EchoTlsOptions): DestinationTls | undefined {
  const { tls, tlsCa: ca, tlsCert: cert, tlsKey: key, tlsServerName: serverName, tlsVerify } = options;
  const isAsked = tls === true || [ca, cert, key, serverName, tlsVerify].some((value) => value !== undefined);
  if (!isAsked) return undefined;
  if ((cert === undefined) !== (key === undefined))
    throw new CommandFailure(ExitCode.usage, `found ${cert === undefined ? '--tls-key' : '--tls-cert'} alone; allowed: both, or neither`);
  return { ca, cert, key, serverName, verify: tlsVerify ?? 'full', minVersion: 'TLSv1.2' };
}
