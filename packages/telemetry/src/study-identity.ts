/**
 * The ids of a study's trace are computed, not drawn, so that everything that happens to a study is one trace, over all
 * associations, nodes, retries and days. They are keyed, so that a UID cannot be confirmed from a trace id by who has no key.
 */
import { createHmac, createSecretKey } from 'node:crypto';

/** Ids of one generation of a study; lowercase hexadecimal. */
export interface StudyTraceIds {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits. */
  readonly rootSpanId: string;
}

/** Derives ids and pseudonyms; UIDs are given with their padding stripped. */
export interface StudyIdentity {
  study(uid: string, generation: number): StudyTraceIds;
  /** 16 digits. */
  seriesSpanId(seriesUid: string, generation: number): string;
  /** The PRODUCER span of an instance that was queued, from its SERVER span: known again after a restart. 16 digits. */
  sendSpanId(serverSpanId: string): string;
  /** `dicom.study.hash`, 16 digits. */
  studyHash(uid: string): string;
  /** `dicom.series.hash`, 16 digits. */
  seriesHash(uid: string): string;
  /** `dicom.instance.hash`, 16 digits. */
  instanceHash(uid: string): string;
}

/** @param siteKey secret bytes; the same on every node of a site. */
export function createStudyIdentity(siteKey: Uint8Array): StudyIdentity {
  // A key object, because Node makes a new one of raw bytes for every HMAC, which takes five times as long as the HMAC.
  const key = createSecretKey(siteKey);
  const derive = (text: string, bytes: number): string =>
    notAllZero(
      createHmac('sha256', key)
        .update(text, 'utf8')
        .digest('hex')
        .slice(0, bytes * 2),
    );
  return {
    study: (uid, generation) => ({
      traceId: derive(`v1|trace|${uid}|${generation}`, 16),
      rootSpanId: derive(`v1|study|${uid}|${generation}`, 8),
    }),
    seriesSpanId: (seriesUid, generation) => derive(`v1|series|${seriesUid}|${generation}`, 8),
    sendSpanId: (serverSpanId) => derive(`v1|send|${serverSpanId}`, 8),
    studyHash: (uid) => derive(`v1|study-hash|${uid}`, 8),
    seriesHash: (uid) => derive(`v1|series-hash|${uid}`, 8),
    instanceHash: (uid) => derive(`v1|instance-hash|${uid}`, 8),
  };
}

/** All zeros is the one id that W3C Trace Context calls invalid; its last digit becomes 1. */
export function notAllZero(id: string): string {
  return /^0+$/.test(id) ? `${id.slice(0, -1)}1` : id;
}
