/**
 * Writes the tables of docs/sizing.md anew, as each bench does that keeps its figures: for when bench/sizing itself has changed.
 * Run: node scripts/write-sizing-tables.mjs
 */
import { writeSizingTables } from '../bench/sizing/write-tables.ts';

writeSizingTables();
