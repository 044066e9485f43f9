import type { Config } from '@radiotracer/config';
import { type Obstacle, spoolFolder } from '@radiotracer/proxy';
import { describeError } from './describe-error.ts';
import { withoutPassword } from './place.ts';
import { redisAdvice } from './redis-advice.ts';
import { startFailureText } from './start-failure.ts';

/** What it is, and what comes of it: one line. */
export function obstacleText({ kind, error }: Obstacle, config: Config): string {
  const { redis } = config.queue;
  const place = redis === undefined ? spoolFolder(config).queue : withoutPassword(redis);
  const said = `${describeError(error).replace(/\.$/, '')}${redis === undefined ? '' : redisAdvice(error, redis)}`;
  switch (kind) {
    case 'start':
      return `cannot start: ${startFailureText(error, config)}`;
    case 'privilege':
      return `cannot start, unless the service gives it the privilege (AmbientCapabilities=CAP_NET_BIND_SERVICE): ${startFailureText(error, config)}`;
    case 'schedule':
      return `the schedule ${place} is not available: ${said}; images are relayed and kept, and what is kept is not delivered until it is`;
    case 'schedule-full':
      return `the schedule ${place} takes nothing new: ${said}; what it has is delivered, and what is kept from now on is not until there is room`;
    case 'schedule-evicts':
      return `the schedule ${place} is in a Redis that throws away what it has when its memory is full (${said}): what waits is scheduled anew from the spool, the records of studies are lost; set it to noeviction`;
    case 'spool-full':
      return `the spool takes nothing: ${describeError(error)}; images are relayed, and refused while their destination fails: make room, or name a folder on another volume (spool.dir)`;
    case 'spool-volatile':
      return `the spool ${describeError(error)}: images that it has acknowledged are lost when the machine starts anew: name a folder on a disk (spool.dir)`;
    case 'ledger':
      return `the ledger ${spoolFolder(config).ledger} cannot be used: ${describeError(error)}; images are not affected, and nothing is written down of studies until it can be`;
    case 'tried-as-root':
      return describeError(error);
  }
}

/** Whether the proxy is worse off for it, whoever starts it. */
export function isFailure({ kind }: Obstacle): boolean {
  return kind !== 'privilege' && kind !== 'tried-as-root' && kind !== 'spool-volatile';
}
