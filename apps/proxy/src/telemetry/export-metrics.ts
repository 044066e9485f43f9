import type { Telemetry } from '@radiotracer/telemetry';
import type { TelemetrySdk } from './sdk.ts';

/** What the SDK's metrics of itself do not have: it counts what a receiver took and threw away as exported. */
export function observeExports({ observe }: Pick<Telemetry, 'observe'>, sdk: Pick<TelemetrySdk, 'exports'>): void {
  observe(['radiotracer.telemetry.rejected'], (tell) => {
    for (const [signal, { rejected }] of sdk.exports())
      tell('radiotracer.telemetry.rejected', rejected, { 'radiotracer.telemetry.signal': signal });
  });
}
