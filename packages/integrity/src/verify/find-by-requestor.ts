import { AssociationError, Requestor, type RequestorOptions } from '@radiotracer/upper-layer';
import { CommandField, commandSet, integerStringValue, readHeadOf, Status, statusClass, uidValue } from '@radiotracer/wire';
import type { CountAnswer, FindAtDestination, InstancesAnswer, NoAnswer, SeriesOwed } from './find-at-destination.ts';
import { encodeIdentifier, type Keys } from './query-identifier.ts';

export interface FindByRequestorOptions {
  /** How to reach a destination; a connection of its own each time. Undefined: it is not to be asked. What it throws is as unreachable. */
  readonly reach: (destinationId: string) => Omit<RequestorOptions, 'contexts'> | undefined;
}

/** Study Root Query/Retrieve Information Model - FIND. */
const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';
const implicitVrLittleEndian = '1.2.840.10008.1.2';
const explicitVrLittleEndian = '1.2.840.10008.1.2.1';
const context = { id: 1, abstractSyntax: studyRootFind, transferSyntaxes: [explicitVrLittleEndian, implicitVrLittleEndian] };

const tag = {
  sopInstanceUid: 0x00080018,
  queryRetrieveLevel: 0x00080052,
  studyInstanceUid: 0x0020000d,
  seriesInstanceUid: 0x0020000e,
  numberOfStudyRelatedInstances: 0x00201208,
  numberOfSeriesRelatedInstances: 0x00201209,
} as const;
const counts = [tag.numberOfStudyRelatedInstances, tag.numberOfSeriesRelatedInstances] as const;
const wanted = new Set([tag.sopInstanceUid, tag.studyInstanceUid, ...counts]);

const maxResponseBytes = 64 * 1024;
/** Answers to one question; more, and the destination ignores our keys. */
const maxResponses = 200_000;
const maxMessageId = 0xffff;
/** In one list: some 3 KB. */
const namesPerQuestion = 50;

/** A match, as far as it is of interest. */
interface Match {
  readonly studyUid: string | undefined;
  readonly instanceUid: string | undefined;
  /** Of the study, or the series: whichever was asked for. */
  readonly instances: number | undefined;
}

type Find = (keys: Keys) => Promise<readonly Match[]>;

/** Asks destinations by C-FIND, on an association for each question and all its series. */
export class FindByRequestor implements FindAtDestination {
  readonly #options: FindByRequestorOptions;

  constructor(options: FindByRequestorOptions) {
    this.#options = options;
  }

  async instances(destinationId: string, studyUid: string, series: SeriesOwed): Promise<InstancesAnswer> {
    return this.#ask<InstancesAnswer>(destinationId, async (find) => {
      const uids = new Set<string>();
      for (const seriesUid of series.keys()) {
        const matches = await find(imageKeys('', studyUid, seriesUid));
        for (const { instanceUid, studyUid: of } of matches) {
          // Some ignore keys, and tell all they have; some answer at another level than was asked.
          if (of !== undefined && of !== studyUid) continue;
          if (instanceUid === undefined || instanceUid === '') return { kind: 'unsupported' };
          uids.add(instanceUid);
        }
      }
      // No match may mean that there is nothing, or that this level is not searched: a count tells them apart.
      if (uids.size === 0 && ((await this.#count(find, studyUid)) ?? 0) > 0) return { kind: 'unsupported' };
      for (const [seriesUid, owed] of series) await findByName(find, owed, uids, (names) => imageKeys(names, studyUid, seriesUid));
      for (const owed of series.values()) await findByName(find, owed, uids, (names) => imageKeys(names, '', ''));
      return { kind: 'found', uids };
    });
  }

  async count(destinationId: string, studyUid: string): Promise<CountAnswer> {
    return this.#ask<CountAnswer>(destinationId, async (find) => {
      const instances = await this.#count(find, studyUid);
      return instances === undefined ? { kind: 'unsupported' } : { kind: 'counted', instances };
    });
  }

  /** Undefined: it does not say. */
  async #count(find: Find, studyUid: string): Promise<number | undefined> {
    const matches = await find([
      [tag.queryRetrieveLevel, 'CS', 'STUDY'],
      [tag.studyInstanceUid, 'UI', studyUid],
      [tag.numberOfStudyRelatedInstances, 'IS', ''],
    ]);
    const own = matches.filter(({ studyUid: of }) => of === studyUid);
    if (own.length === 0) return 0;
    return own[0]?.instances ?? (await this.#countOfSeries(find, studyUid));
  }

  /** Both counts are optional keys. Undefined: not of all series. */
  async #countOfSeries(find: Find, studyUid: string): Promise<number | undefined> {
    const matches = await find([
      [tag.queryRetrieveLevel, 'CS', 'SERIES'],
      [tag.studyInstanceUid, 'UI', studyUid],
      [tag.seriesInstanceUid, 'UI', ''],
      [tag.numberOfSeriesRelatedInstances, 'IS', ''],
    ]);
    const own = matches.filter(({ studyUid: of }) => of === undefined || of === studyUid);
    const known = own.flatMap(({ instances }) => instances ?? []);
    return own.length === 0 || known.length < own.length ? undefined : known.reduce((sum, count) => sum + count, 0);
  }

  async #ask<Answer extends { readonly kind: string }>(
    destinationId: string,
    ask: (find: Find) => Promise<Answer>,
  ): Promise<Answer | NoAnswer> {
    let requestor: Requestor | undefined;
    try {
      const reach = this.#options.reach(destinationId);
      if (reach === undefined) return { kind: 'unsupported' };
      requestor = await Requestor.open({ ...reach, contexts: [context] });
      const transferSyntaxUid = requestor.agreed.get(context.id);
      if (transferSyntaxUid === undefined) {
        await requestor.release();
        return { kind: 'unsupported', errorType: 'presentation_context_refused' };
      }
      const open = requestor;
      let messageId = 0;
      const answer = await ask((keys) => {
        messageId = (messageId % maxMessageId) + 1;
        return find(open, transferSyntaxUid, messageId, keys);
      });
      // The answer is known; how the association ends changes nothing.
      await requestor.release().catch(() => {});
      return answer;
    } catch (error) {
      requestor?.abort();
      if (error instanceof Refused) return { kind: 'unsupported', errorType: 'status_failure' };
      return { kind: 'unreachable', ...(error instanceof AssociationError ? { errorType: error.errorType } : {}) };
    }
  }
}

function imageKeys(instanceUids: string, studyUid: string, seriesUid: string): Keys {
  return [
    [tag.sopInstanceUid, 'UI', instanceUids],
    [tag.queryRetrieveLevel, 'CS', 'IMAGE'],
    [tag.studyInstanceUid, 'UI', studyUid],
    [tag.seriesInstanceUid, 'UI', seriesUid],
  ];
}

/**
 * Asks for those that were not shown, by a list of their UIDs (PS3.4 C.2.2.2.2), and adds those that are there. Some tell no more than so many of a
 * series, and call that all; some have moved a series to another study since. Whoever does not take such a question has said what it has.
 */
async function findByName(find: Find, owed: readonly string[], uids: Set<string>, keys: (names: string) => Keys): Promise<void> {
  const missing = owed.filter((uid) => !uids.has(uid));
  for (let from = 0; from < missing.length; from += namesPerQuestion) {
    const names = missing.slice(from, from + namesPerQuestion);
    const matches = await find(keys(names.join('\\'))).catch(() => []);
    const there = names.filter((name) => matches.some(({ instanceUid }) => instanceUid === name));
    // The rest is as these: not there, or not to be asked about like this.
    if (there.length === 0) return;
    for (const name of there) uids.add(name);
  }
}

/** It answered, and will not do this, now or later. */
class Refused extends Error {
  override readonly name = 'Refused';
}

async function find(requestor: Requestor, transferSyntaxUid: string, messageId: number, keys: Keys): Promise<readonly Match[]> {
  const matches: Match[] = [];
  let isTooMuch = false;
  const request = commandSet({
    commandField: CommandField.cFindRq,
    messageId,
    affectedSopClassUid: studyRootFind,
    priority: 2,
    hasDataSet: true,
  });
  const identifier = encodeIdentifier(keys, transferSyntaxUid === explicitVrLittleEndian);
  const response = await requestor.invoke(context.id, request, [identifier], {
    maxBytes: maxResponseBytes,
    take: (dataSet) => {
      isTooMuch ||= matches.length >= maxResponses;
      if (isTooMuch) return;
      const { values } = readHeadOf(dataSet, { transferSyntaxUid, wanted });
      const uid = (of: number) => {
        const bytes = values.get(of);
        return bytes === undefined ? undefined : uidValue(bytes);
      };
      const count = counts.map((of) => values.get(of)).find((bytes) => bytes !== undefined && bytes.length > 0);
      matches.push({
        studyUid: uid(tag.studyInstanceUid),
        instanceUid: uid(tag.sopInstanceUid),
        instances: count === undefined ? undefined : integerStringValue(count),
      });
    },
  });
  if (isTooMuch) throw new Refused('too many answers');
  const status = response.status ?? Status.processingFailure;
  if (statusClass(status) === 'success') return matches;
  // A7xx: out of resources, as it is just now (PS3.4 C.4.1.1.4).
  if ((status & 0xff00) === 0xa700) throw new Error('out of resources');
  throw new Refused('the query failed');
}
