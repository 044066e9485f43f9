import { hash } from 'node:crypto';
import { headerBytesOf } from './front-bytes.ts';
import type { FileStart, SpoolFileSystem } from './spool-file-system.ts';

/** As `SpoolFileSystem.readStart`, in this thread. */
export function readStartNow(readHeadNow: SpoolFileSystem['readHeadNow'], path: string, into: Uint8Array): FileStart {
  const { headBytes, fileBytes } = readHeadNow(path, into);
  const dataSetAt = headBytes === fileBytes ? headerBytesOf(into.subarray(0, headBytes)) : undefined;
  const dataSetDigest = dataSetAt === undefined ? undefined : hash('sha256', into.subarray(dataSetAt, headBytes));
  return { headBytes, fileBytes, dataSetDigest };
}
