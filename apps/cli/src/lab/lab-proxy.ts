import type { Config } from '@radiotracer/config';
import type { ProxyPorts, RunningProxy } from '@radiotracer/proxy';

/** What the lab needs of a proxy. */
export type LabProxy = Pick<RunningProxy, 'listeners' | 'drain' | 'flushTelemetry' | 'telemetryStats'>;

export type StartLabProxy = (config: Config, ports: Pick<ProxyPorts, 'localExporter'>) => Promise<LabProxy>;
