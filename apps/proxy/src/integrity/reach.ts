import type { Config, Destination } from '@radiotracer/config';
import type { FindByRequestorOptions } from '@radiotracer/integrity';
import { connectTransport, ReadBufferPool, systemClock, type TlsClient } from '@radiotracer/upper-layer';

/** Somebody waits for the answer of a question, and not for ever. */
const longestResponseMs = 60_000;
const anyAeTitle = 'ANY-SCP';

/**
 * How destinations are asked: called as the first route that leads there calls them, unless they have a title of their own.
 * `isAsked`: others are not to be.
 */
export function reach(
  { destinations, routes, limits, integrity }: Pick<Config, 'destinations' | 'routes' | 'limits' | 'integrity'>,
  isAsked: (destination: Destination) => boolean,
  tls: { client(destination: Destination): TlsClient | undefined },
) {
  const readBuffers = new ReadBufferPool();
  return ((destinationId) => {
    const destination = destinations[destinationId];
    if (destination === undefined || !isAsked(destination)) return undefined;
    const { host, port, aet } = destination;
    const { dimseResponseMs, storeResponseMs: _, ...timeouts } = destination.timeouts;
    const routed = routes.find(({ to, calledAet }) => to === destinationId && calledAet !== undefined);
    return {
      transport: connectTransport(host, port, readBuffers, tls.client(destination)),
      peer: `${host}:${port}`,
      calledAeTitle: aet ?? routed?.calledAet ?? anyAeTitle,
      callingAeTitle: integrity.callingAet,
      timeouts: { ...timeouts, dimseMs: dimseResponseMs === 0 ? longestResponseMs : dimseResponseMs },
      limits,
      clock: systemClock,
    };
  }) satisfies FindByRequestorOptions['reach'];
}
