import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { repositoryFolder } from '../../test/fixtures/paths.ts';

/** What was measured where. */
export interface Circumstances {
  readonly commit: string;
  /** Something under packages/ or apps/ was not as in that commit. */
  readonly hasChanges: boolean;
  readonly date: string;
  readonly node: string;
  readonly cores: number;
  /** Processes that wanted to run when the bench began: on a machine that is busy otherwise the figures say little. */
  readonly loadBefore: number;
  readonly rounds: number;
  readonly isQuick: boolean;
}

export function circumstances({ rounds, isQuick }: Pick<Circumstances, 'rounds' | 'isQuick'>): Circumstances {
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: repositoryFolder, encoding: 'utf8' }).trim();
  return {
    commit: git('rev-parse', '--short', 'HEAD'),
    hasChanges: git('status', '--porcelain', '--', 'packages', 'apps') !== '',
    date: new Date().toISOString(),
    node: process.versions.node,
    cores: availableParallelism(),
    loadBefore: loadavg()[0] ?? 0,
    rounds,
    isQuick,
  };
}

export function reportLine(at: Circumstances): string {
  const commit = `commit ${at.commit}${at.hasChanges ? ' with changes' : ''}`;
  return `${at.date.slice(0, 10)}, ${commit}, Node ${at.node}, ${at.cores} cores, load ${at.loadBefore.toFixed(1)} before, ${at.rounds} rounds${at.isQuick ? ', quick' : ''}`;
}
