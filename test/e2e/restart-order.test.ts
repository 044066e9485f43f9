/** A proxy that is killed while it delivers: what it was sending goes first when it is back, not when its leases have run out. */
import { eventually } from '../fixtures/deadline.ts';
import { proxyPlace, startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { impatient, scriptedPacs, send, spooled, study } from './faults-scene.ts';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

test('a study arrives in its order, though the proxy was killed in the middle of it', async () => {
  const pacs = await scriptedPacs(stage);
  const place = await proxyPlace(await stage.folder('proxy'));
  const config = {
    place,
    destinations: { pacs: { port: pacs.port, ...impatient } },
    routes: [{ calledAet: '*', to: 'pacs', mode: 'store-and-forward' } as const],
  };
  const proxy = await startProxy(stage, config);
  // The fifth is not answered: those behind it are leased, and wait.
  pacs.behaviour = (nth) => (nth > 4 ? 'say nothing' : 'store');
  const instances = study(81, 300);
  expect(new Set(await send(proxy.port, instances))).toEqual(new Set([0]));
  await eventually('the fifth to be on its way', () => pacs.stores() > 4);
  await proxy.kill();
  pacs.behaviour = () => 'store';

  await startProxy(stage, config);
  await eventually('all to have arrived', async () => (await spooled(proxy, 'waiting')) === 0, 60_000);
  expect([...pacs.stored.keys()]).toEqual(instances.map(({ sopInstanceUid }) => sopInstanceUid));
}, 120_000);
