import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../../../../test/fixtures/deadline.ts';

/** Logs so many lines of a kilobyte at once, says on standard error that they have waited longer than lines are gathered, and lives on. */
function logging(lines: number) {
  const log = new URL('./log.ts', import.meta.url).href;
  const program = `import { createLogger } from ${JSON.stringify(log)};
    const logger = createLogger();
    for (let line = 1; line <= ${lines}; line += 1) logger.info({ line, filler: 'x'.repeat(900) }, 'a line');
    setTimeout(() => console.error('waited'), 300);
    setInterval(() => {}, 1000);`;
  const args = ['--conditions=@radiotracer/source', '--input-type=module', '--eval', program];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

// More than a pipe takes, so that most wait for the reader; each count leaves another rest for the last write.
it.each([1, 300, 303, 306, 309, 312, 315])(
  'the last of %i lines is written when its reader reads again, though no other follows it',
  async (lines) => {
    const running = logging(lines);
    try {
      await once(running.stderr, 'data');
      let read = '';
      running.stdout.on('data', (chunk: Buffer) => {
        read += chunk.toString();
      });
      await eventually('the last line', () => read.includes(`"line":${lines},`), 5_000);
      expect(read.trimEnd().split('\n')).toHaveLength(lines);
    } finally {
      running.kill('SIGKILL');
      await once(running, 'exit');
    }
  },
);
