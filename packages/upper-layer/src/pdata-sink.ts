import type { PduSink } from '@radiotracer/wire';

/**
 * What arrives in P-DATA-TF PDUs, as ranges of the chunks that carried them, in the order of the wire. A chunk's memory is used again
 * after `flush`: what shall outlive it is copied, or its lease held.
 */
export interface PdataSink extends Omit<PduSink, 'pdu'> {
  /** The chunk ends here, or a PDU other than P-DATA-TF follows: the moment to hand on what was gathered. */
  flush(): void;
}

/** For ends that take no data yet. */
export const ignoreData: PdataSink = {
  pdata() {},
  pdv() {},
  fragment() {},
  pdvEnd() {},
  pdataEnd() {},
  flush() {},
};
