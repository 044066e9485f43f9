/** The elements of a data set that are wanted: by tag (eight hexadecimal digits), its values; of a sequence its items. */
export type PlainDataSet = { readonly [tag: string]: readonly (string | PlainDataSet)[] };

/** Reads small data sets, off the path of the images. */
export interface DataSetReader {
  /** Undefined: it cannot be read. Never rejects. */
  read(bytes: Uint8Array, transferSyntaxUid: string): Promise<PlainDataSet | undefined>;
  close(): Promise<void>;
}

export const Tag = {
  accessionNumber: '00080050',
  studyInstanceUid: '0020000D',
  seriesInstanceUid: '0020000E',
  failedSopInstanceUidList: '00080058',
  referencedSopSequence: '00081199',
  failedSopSequence: '00081198',
  failureReason: '00081197',
  transactionUid: '00081195',
  referencedSopClassUid: '00081150',
  referencedSopInstanceUid: '00081155',
  referencedImageSequence: '00081140',
  referencedNonImageSequence: '00400220',
  performedSeriesSequence: '00400340',
  performedProcedureStepStatus: '00400252',
  scheduledStepAttributesSequence: '00400270',
} as const;

const wanted: ReadonlySet<string> = new Set(Object.values(Tag));

/** Elements that are wanted, also within those that are; as texts. `parsed`: as dcmjs gives it. */
export function pruned(parsed: Readonly<Record<string, { readonly Value?: readonly unknown[] } | undefined>>): PlainDataSet {
  const found: Record<string, readonly (string | PlainDataSet)[]> = {};
  for (const [tag, element] of Object.entries(parsed)) {
    if (!wanted.has(tag) || !Array.isArray(element?.Value)) continue;
    found[tag] = element.Value.flatMap((value: unknown): readonly (string | PlainDataSet)[] => {
      if (value === null || value === undefined) return [];
      return typeof value === 'object' ? [pruned(value as Parameters<typeof pruned>[0])] : [String(value)];
    });
  }
  return found;
}

/** The values of an element that are texts, without padding. */
export function texts(dataSet: PlainDataSet, tag: string): readonly string[] {
  return (dataSet[tag] ?? []).flatMap((value) => (typeof value === 'string' ? [value.replace(/^[ \0]+|[ \0]+$/g, '')] : []));
}

export function items(dataSet: PlainDataSet, tag: string): readonly PlainDataSet[] {
  return (dataSet[tag] ?? []).flatMap((value) => (typeof value === 'string' ? [] : [value]));
}
