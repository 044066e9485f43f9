/** A study's trace, as everybody computes it who knows the site key. */
import { keptText, loadSiteKey } from '@radiotracer/proxy';
import { createStudyIdentity, type StudyIdentity } from '@radiotracer/telemetry';
import { CommandFailure, ExitCode } from '../exit-code.ts';
import type { Paint } from '../lab/paint.ts';
import { printable } from '../queue/words.ts';
import type { LedgerView } from './ledger-view.ts';

export interface NamedStudy {
  readonly uid: string;
  /** Undefined: not in the ledger, or no ledger. */
  readonly generation: number | undefined;
}

export interface Trace {
  readonly generation: number;
  readonly traceId: string;
  readonly rootSpanId: string;
  /** Where it can be looked at, by name. */
  readonly links: Links;
}

export interface TracedStudy extends NamedStudy {
  /** The present generation first. */
  readonly traces: readonly Trace[];
}

type Links = Readonly<Record<string, string>>;

/** Of earlier generations. */
const maxEarlier = 100;

export async function identityOf(view: Pick<LedgerView, 'config' | 'folder'>): Promise<StudyIdentity> {
  return createStudyIdentity(await siteKey(view));
}

/** Never draws one: another one than the proxy's would give ids that nobody has. */
async function siteKey({ config, folder }: Pick<LedgerView, 'config' | 'folder'>): Promise<Uint8Array> {
  const none = `there is no site key yet: the proxy keeps it in ${folder.siteKey} when it first starts; or set telemetry.siteKey to the one that it has`;
  try {
    return await loadSiteKey(config.telemetry.siteKey, {
      ...keptText(folder.siteKey),
      keep: () => Promise.reject(new CommandFailure(ExitCode.failed, none)),
    });
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'site-key-unusable') throw new CommandFailure(ExitCode.failed, `${folder.siteKey}: ${message}`);
    throw new CommandFailure(
      ExitCode.failed,
      `${folder.siteKey}: cannot be read (${code ?? message}); run it as the user of the proxy, or as root`,
    );
  }
}

/** `templates`: `telemetry.links`. */
export function tracedStudy({ uid, generation }: NamedStudy, identity: StudyIdentity, templates: Links): TracedStudy {
  const present = generation ?? 0;
  const last = Math.max(0, present - maxEarlier);
  const traces = Array.from({ length: present - last + 1 }, (_, index) => {
    const ids = identity.study(uid, present - index);
    return { generation: present - index, ...ids, links: traceLinks(ids.traceId, templates) };
  });
  return { uid, generation, traces };
}

function traceLinks(traceId: string, templates: Links): Links {
  return Object.fromEntries(Object.entries(templates).map(([name, template]) => [name, template.replaceAll('{traceId}', traceId)]));
}

export function tracedJson({ uid, generation, traces: [present, ...earlier] }: TracedStudy) {
  return { studyInstanceUid: uid, isInLedger: generation !== undefined, ...present, earlier };
}

export function tracedText({ uid, traces }: TracedStudy, paint: Paint): string {
  const lines = traces.flatMap(({ generation, traceId, rootSpanId, links }) => [
    ...[['trace', paint('id', traceId)], ['root span', rootSpanId], ['generation', String(generation)], ...Object.entries(links)].map(
      ([name = '', value = '']) => `  ${paint('dim', name.padEnd(10))}  ${value}`,
    ),
    '',
  ]);
  return `${paint('bold', printable(uid))}\n${lines.join('\n')}`;
}
