import { type AssociateRq, encodePdu, padAeTitle } from '@radiotracer/wire';

/** A presentation context that we propose, PS3.8 9.3.2.2. */
export interface ProposedContext {
  /** Odd, 1 to 255. */
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

/** Our own implementation, PS3.7 D.3.3.2. */
export const implementation = {
  /** Under the UUID-derived root 2.25 (PS3.5 B.2), so that it needs no registration. */
  classUid: '2.25.301930466480917301684871034829613092341',
  versionName: 'RADIOTRACER',
} as const;

/** PS3.8 annex A. */
export const applicationContextName = '1.2.840.10008.3.1.1.1';

/** The bytes of an A-ASSOCIATE-RQ of our own. `maxPduBytes`: what we take in one P-DATA-TF; 0: no limit. */
export function associateRequest(options: {
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly contexts: readonly ProposedContext[];
  readonly maxPduBytes: number;
}): Uint8Array {
  const rq: AssociateRq = {
    kind: 'A-ASSOCIATE-RQ',
    protocolVersion: 1,
    calledAeTitle: padAeTitle(options.calledAeTitle),
    callingAeTitle: padAeTitle(options.callingAeTitle),
    reserved: new Uint8Array(32),
    items: [
      { kind: 'application-context', name: applicationContextName },
      ...options.contexts.map((context) => ({ kind: 'presentation-context-rq' as const, ...context, unknown: [] })),
      {
        kind: 'user-information',
        items: [
          { kind: 'maximum-length', bytes: options.maxPduBytes },
          { kind: 'implementation-class-uid', uid: implementation.classUid },
          { kind: 'implementation-version-name', name: implementation.versionName },
        ],
      },
    ],
  };
  return encodePdu(rq);
}
