/** A real process on a real disk, killed while it writes, again and again on the same spool. What it said is committed is there. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InstanceState, Spool } from '@radiotracer/spool';
import { eventually } from '../fixtures/deadline.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { RunningProcess } from '../fixtures/processes.ts';
import { sampleBytes, sampleStart } from './sample-instance.ts';

const rounds = 6;

interface Expected {
  readonly run: number;
  readonly number: number;
  may: Set<InstanceState | 'gone'>;
}

it(`SIGKILL in the middle of writing, ${rounds} times`, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'spool-kill-'));
  const expected = new Map<string, Expected>();
  let unfinished = 0;
  try {
    for (let run = 1; run <= rounds; run++) {
      const script = join(repositoryFolder, 'test/spool/writing-process.ts');
      const writing = new RunningProcess(
        process.execPath,
        ['--conditions=@radiotracer/source', '--no-warnings', script, dir, String(run)],
        {
          env: { ...process.env, NODE_OPTIONS: '' },
        },
      );
      const committed = () => writing.stdout.split('\n').filter((line) => line.startsWith('committed ')).length;
      await eventually(
        `commits of run ${run}; it said ${writing.stderr}`,
        () => writing.exit !== undefined || committed() >= 20 + run * 17,
        60_000,
      );
      if (run === 1) await expect(Spool.open({ dir, clock: Date })).rejects.toMatchObject({ code: 'locked' });
      const { signal } = await writing.end('SIGKILL');
      expect([signal, writing.stderr]).toEqual(['SIGKILL', '']);
      for (const line of writing.stdout.split('\n').slice(0, -1)) {
        const [what, id = '', number = ''] = line.split(' ');
        const one = expected.get(id);
        if (what === 'committed') expected.set(id, { run, number: Number(number), may: new Set(['waiting']) });
        else if (what === 'moving') one?.may.add('held');
        else if (what === 'moved' && one !== undefined) one.may = new Set(['held']);
        else if (what === 'removing') one?.may.add('gone');
      }

      const spool = await Spool.open({ dir, clock: Date, limits: { minFreeBytes: 0 } });
      const [{ findingCounts }, usage] = [spool.recovery, spool.usage];
      expect({ ...findingCounts, unfinished: 0 }).toEqual({ unfinished: 0 });
      unfinished += findingCounts.unfinished ?? 0;
      const seen = new Set<string>();
      for await (const { id, state, envelope } of spool.list()) {
        seen.add(id);
        const known = expected.get(id);
        // Whole, but killed before it could say so.
        if (known !== undefined) expect([id, known.may.has(state)]).toEqual([id, true]);
        const [from, number] = [Number(envelope.routeId.split(' ')[1]), envelope.receivedAt];
        expect(envelope).toMatchObject({ ...sampleStart(from, number), modality: 'CT' });
        const instance = await spool.read(id);
        const pieces: Uint8Array[] = [];
        for await (const piece of instance.dataSet()) pieces.push(piece);
        await instance.close();
        expect(Buffer.concat(pieces).equals(sampleBytes(from, number))).toBe(true);
        if (known !== undefined) known.may = new Set([state]);
      }
      for (const [id, { may }] of expected) {
        if (!seen.has(id)) expect([id, may.has('gone')]).toEqual([id, true]);
        if (!seen.has(id)) expected.delete(id);
      }
      expect(usage.waiting.instances + usage.held.instances).toBe(seen.size);
      await spool.close();
      expect(readdirSync(join(dir, 'incoming'))).toEqual([]);
      expect(readdirSync(join(dir, 'damaged')).filter((name) => !name.endsWith('.why')).length).toBe(unfinished);
    }
    expect(expected.size).toBeGreaterThan(rounds * 20);
    // It was indeed killed while it wrote.
    expect(unfinished).toBeGreaterThan(0);
  } finally {
    rmSync(dir, { recursive: true });
  }
}, 300_000);
