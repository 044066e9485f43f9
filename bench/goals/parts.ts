/** The rows of the table, in its order. */
import { drainPart } from './drain.ts';
import { keepingPart } from './keeping.ts';
import { loopPart } from './loop.ts';
import { memoryPart } from './memory.ts';
import { orthancPart } from './orthanc.ts';
import type { Part } from './part.ts';
import { relayedParts } from './relayed.ts';
import { sendersPart } from './senders.ts';
import { startPart } from './start.ts';

export const parts: readonly Part[] = [...relayedParts, sendersPart, memoryPart, keepingPart, drainPart, orthancPart, startPart, loopPart];
