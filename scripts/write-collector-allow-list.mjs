/**
 * Writes the redaction allow-list of otel-collector.yaml anew from the attribute registry.
 * Run: node scripts/write-collector-allow-list.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { withAllowList } from './collector-allow-list.ts';

const file = new URL('../otel-collector.yaml', import.meta.url);
writeFileSync(file, withAllowList(readFileSync(file, 'utf8')));
