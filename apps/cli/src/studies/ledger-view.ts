/** The ledger that a configuration names, looked at beside a proxy that may be running. Nothing in it is changed. */
import type { Config } from '@radiotracer/config';
import { Ledger, type LedgerHome, LedgerUnavailable } from '@radiotracer/integrity';
import { openLedgerHome, type SpoolFolder, spoolFolder } from '@radiotracer/proxy';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import { isThere, withoutPassword } from '../place.ts';
import { type ConfigOption, readConfig } from '../read-config.ts';
import type { Surroundings } from '../surroundings.ts';
import { type DestinationOption, tellUnconfigured } from '../tell-unconfigured.ts';

export interface LedgerView {
  readonly config: Config;
  readonly folder: SpoolFolder;
  readonly home: LedgerHome;
  readonly ledger: Ledger;
  /** Where it is, without passwords. */
  readonly place: string;
  /** Why there is none, and what to do; undefined: it is there, or may be. */
  readonly absent: string | undefined;
}

/** Opens, acts, closes. A ledger that is away becomes one line that names the place, unless `act` deals with that itself. */
async function withLedger(
  options: ConfigOption & DestinationOption,
  surroundings: Surroundings,
  act: (view: LedgerView) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config } = await readConfig(options, surroundings);
  tellUnconfigured(options, config, surroundings.err);
  return await withLedgerOf(config, act);
}

/** The action of a command: {@link withLedger}, and the exit code when what it wrote has been taken. */
export function ledgerAction(surroundings: Surroundings, done: (code: ExitCode) => void) {
  return async (options: ConfigOption & DestinationOption, act: (view: LedgerView) => Promise<ExitCode>): Promise<void> => {
    const exitCode = await withLedger(options, surroundings, act);
    await surroundings.taken();
    done(exitCode);
  };
}

/** As {@link withLedger}, of a configuration that has been read. */
export async function withLedgerOf<T>(config: Config, act: (view: LedgerView) => Promise<T>): Promise<T> {
  const folder = spoolFolder(config);
  const { redis } = config.queue;
  const { quietPeriodMs } = config.integrity;
  const home = await openLedgerHome(config, 'read-only');
  const lifetime = { quietPeriodMs, settleMs: 0, studyRolloverMs: config.telemetry.studyRolloverMs };
  const isAbsent = redis === undefined && !(await isThere(folder.ledger));
  const view: LedgerView = {
    ...{ config, folder, home, ledger: new Ledger({ home, ...lifetime }) },
    place: redis === undefined ? folder.ledger : withoutPassword(redis),
    absent: isAbsent ? whyAbsent(config) : undefined,
  };
  try {
    return await act(view);
  } catch (error) {
    if (error instanceof LedgerUnavailable) throw notReadable(view, error);
    throw error;
  } finally {
    await view.ledger.close();
  }
}

/** @throws CommandFailure (failed) there is no ledger */
export function mustHaveLedger({ place, absent }: LedgerView): void {
  if (absent !== undefined) throw new CommandFailure(ExitCode.failed, `the ledger ${place} is not there: ${absent}`);
}

/** What one may not know: that nothing is written any more into what is read. */
export function stoppedNote({ config, place }: Pick<LedgerView, 'config' | 'place'>): string | undefined {
  if (config.integrity.enabled) return undefined;
  return `integrity.enabled is false: no proxy of this configuration writes into the ledger ${place}`;
}

export function whyNotReadable(error: LedgerUnavailable): string {
  const why = error.message.replace(/\s+/g, ' ');
  return error.code === 'refused' && !why.startsWith('Redis')
    ? `${why}; run it as the user of the proxy, or as root; not where the volume is read-only`
    : why;
}

function notReadable({ place }: Pick<LedgerView, 'place'>, error: LedgerUnavailable): CommandFailure {
  return new CommandFailure(ExitCode.failed, `the ledger ${place} cannot be read: ${whyNotReadable(error)}`);
}

function whyAbsent({ integrity }: Config): string {
  return integrity.enabled
    ? 'the proxy makes it when it starts; has it run with this configuration (spool.dir), on this machine?'
    : 'integrity.enabled is false; set it to true, and start the proxy again';
}
