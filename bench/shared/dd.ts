import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../test/fixtures/processes.ts';

/** `$0`: where to. */
const ddEach = 'i=0; for file; do i=$((i + 1)); dd if="$file" of="$0/$i" bs=1M conv=fsync status=none || exit; done';

/** A dd for each file, one after the other; the lists at the same time. Wall time in ms. */
export async function copyWithDd(folder: string, lists: readonly (readonly string[])[]): Promise<number> {
  const places = lists.map((_, index) => join(folder, String(index)));
  for (const place of places) await mkdir(place);
  const start = performance.now();
  const ended = await Promise.all(
    lists.map((files, index) => run('sh', ['-c', ddEach, places[index] ?? '', ...files], { withinMs: 300_000 })),
  );
  const ms = performance.now() - start;
  for (const { code, output } of ended) if (code !== 0) throw new Error(`dd ended with ${code}: ${output.slice(0, 300)}`);
  for (const place of places) await rm(place, { recursive: true });
  return ms;
}
