import { destination } from './destination.ts';
import { fleet } from './fleet.ts';
import { grafanaJson } from './grafana-json.ts';
import { modality } from './modality.ts';
import { queue } from './queue.ts';
import { study } from './study.ts';

const dashboards = [fleet, modality, destination, study, queue];

/** The files of lab/grafana/dashboards: name, and what stands in it. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(dashboards.map((one) => [`${one.uid}.json`, `${JSON.stringify(grafanaJson(one, dashboards), undefined, 2)}\n`]));
}
