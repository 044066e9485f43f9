/** What docker build would put into the image, made without it: the Dockerfile's own command, on what .dockerignore lets through. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from '../fixtures/deadline.ts';
import { repositoryFolder } from '../fixtures/paths.ts';
import { freePort } from '../fixtures/ports.ts';
import { RunningProcess, run } from '../fixtures/processes.ts';
import type { Stage } from '../fixtures/stage.ts';
import { labText, labYaml } from './lab-files.ts';

/** Builds it and returns the folder that the image has as /app. */
export async function buildImageContents(stage: Stage): Promise<string> {
  const context = await stage.folder('image-context');
  const app = join(await stage.folder('image'), 'app');
  for (const file of await contextFiles()) {
    await mkdir(dirname(join(context, file)), { recursive: true });
    await cp(join(repositoryFolder, file), join(context, file));
  }
  const dockerfile = labText('Dockerfile');
  const [, command] = /\nCOPY \. \.\n(?:#.*\n)*RUN ((?:.*\\\n)*.*)\n/.exec(dockerfile) ?? [];
  if (command === undefined) throw new Error('the Dockerfile has no RUN behind COPY . .');
  const script = command.replaceAll('\\\n', '').replaceAll('/app', app);
  const { code, output } = await run('/bin/sh', ['-c', script], { cwd: context, withinMs: 300_000 });
  if (code !== 0) throw new Error(`${script}: ${code}\n${output.slice(-3000)}`);
  return app;
}

/** What git knows or would know, less what .dockerignore names. Of its patterns only those forms are understood that stand there. */
async function contextFiles(): Promise<readonly string[]> {
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: repositoryFolder });
  const patterns = labText('.dockerignore')
    .split('\n')
    .filter((line) => line !== '');
  const matches = (file: string, pattern: string): boolean =>
    pattern.startsWith('**/')
      ? file.split('/').some((part) => (pattern.includes('*.') ? part.endsWith(pattern.slice(4)) : part === pattern.slice(3)))
      : file === pattern || file.startsWith(`${pattern.replace(/\*$/, '').replace(/\/$/, '')}/`);
  return stdout.split('\n').filter((file) => {
    let ignored = file === '';
    for (const pattern of patterns) if (matches(file, pattern.replace(/^!/, ''))) ignored = !pattern.startsWith('!');
    return !ignored;
  });
}

/** Starts the proxy of it with the lab's configuration, asks its health as HEALTHCHECK does, and ends it. */
export async function runImageContents(stage: Stage, app: string): Promise<void> {
  const folder = await stage.folder('image-run');
  const [port, adminPort] = [await freePort(), await freePort()];
  const lab = labYaml('lab/radiotracer.yaml') as Record<string, object>;
  const { queue: _redis, ...kept } = lab;
  const config = {
    ...kept,
    listeners: [{ host: '127.0.0.1', port }],
    spool: { dir: join(folder, 'spool') },
    telemetry: {},
    admin: { port: adminPort },
  };
  const file = join(folder, 'radiotracer.yaml');
  await writeFile(file, JSON.stringify(config));
  // The first line of the entry names Node with its option; here Node 24 is not on everybody's PATH.
  const entry = await readFile(join(app, 'dist/main.js'), 'utf8');
  if (!/^#!\/usr\/bin\/env -S (\w+=\S+ )*node /.test(entry)) throw new Error('the entry does not name node in its first line');
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(OTEL_|RADIOTRACER_|NODE_OPTIONS)/.test(key)));
  const proxy = new RunningProcess(process.execPath, [join(app, 'dist/main.js'), 'start', '--config', file], { cwd: folder, env });
  stage.defer(() => proxy.end('SIGTERM', 20_000));
  const [, health] = /HEALTHCHECK .*CMD (\[.*\])/.exec(labText('Dockerfile')) ?? [];
  const [, ...args] = JSON.parse(health ?? '[]') as string[];
  const asked = async (at: number) =>
    (await run(process.execPath, args, { env: { ...process.env, RADIOTRACER_ADMIN_PORT: `${at}` } })).code;
  const isHealthy = async () => {
    const code = await asked(adminPort);
    return proxy.exit ?? code === 0;
  };
  const healthy = await eventually('the image’s proxy to be healthy', isHealthy, 60_000);
  if (healthy !== true) throw new Error(`the image’s proxy ended: ${JSON.stringify(healthy)}\n${proxy.stdout}${proxy.stderr}`);
  if ((await asked(await freePort())) !== 1) throw new Error('HEALTHCHECK calls a proxy healthy that is not there');
  const { code } = await proxy.end('SIGTERM', 20_000);
  if (code !== 0) throw new Error(`the image’s proxy ended with ${code}\n${proxy.stdout}${proxy.stderr}`);
}
