/**
 * Writes lab/grafana/dashboards anew from scripts/dashboards.
 * Run: node scripts/write-dashboards.mjs
 */
import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './dashboards/all.ts';

for (const [name, text] of dashboardFiles()) writeFileSync(new URL(`../lab/grafana/dashboards/${name}`, import.meta.url), text);
