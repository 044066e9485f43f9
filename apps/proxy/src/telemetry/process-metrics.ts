import type { Telemetry } from '@radiotracer/telemetry';
import type { LoopDelay } from './loop-watch.ts';

/** The process' own metrics, read when a reader asks. `loopDelay`: of the thread that serves the associations. */
export function observeProcess({ observe }: Pick<Telemetry, 'observe'>, loopDelay: () => Promise<LoopDelay | undefined>): void {
  observe(
    [
      'nodejs.eventloop.delay.mean',
      'nodejs.eventloop.delay.stddev',
      'nodejs.eventloop.delay.min',
      'nodejs.eventloop.delay.p50',
      'nodejs.eventloop.delay.p90',
      'nodejs.eventloop.delay.p99',
      'nodejs.eventloop.delay.max',
      'nodejs.eventloop.utilization',
    ],
    async (tell) => {
      const loop = await loopDelay();
      if (loop === undefined) return;
      tell('nodejs.eventloop.delay.mean', loop.meanSeconds, {});
      tell('nodejs.eventloop.delay.stddev', loop.stddevSeconds, {});
      tell('nodejs.eventloop.delay.min', loop.minSeconds, {});
      tell('nodejs.eventloop.delay.p50', loop.p50Seconds, {});
      tell('nodejs.eventloop.delay.p90', loop.p90Seconds, {});
      tell('nodejs.eventloop.delay.p99', loop.p99Seconds, {});
      tell('nodejs.eventloop.delay.max', loop.maxSeconds, {});
      tell('nodejs.eventloop.utilization', loop.utilization, {});
    },
  );
  observe(['process.cpu.time', 'process.memory.usage', 'process.uptime'], (tell) => {
    const { user, system } = process.cpuUsage();
    tell('process.cpu.time', user / 1e6, { 'cpu.mode': 'user' });
    tell('process.cpu.time', system / 1e6, { 'cpu.mode': 'system' });
    tell('process.memory.usage', process.memoryUsage.rss(), {});
    tell('process.uptime', process.uptime(), {});
  });
}
