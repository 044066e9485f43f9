import type { AssociateAc } from '@radiotracer/wire';
import { Capabilities } from './capability.ts';

const associate = { protocolVersion: 1, calledAeTitle: 'PROXY', callingAeTitle: 'CT', reserved: new Uint8Array(32) };
const ct = '1.2.840.10008.5.1.4.1.1.2';
const explicitVr = '1.2.840.10008.1.2.1';

it('remembers what was answered for UIDs, and nothing for what is too long to be one', () => {
  const capabilities = new Capabilities({}, () => {});
  const long = '1.'.repeat(30_000);
  const proposed = [
    [ct, explicitVr],
    [ct, long],
    [long, explicitVr],
  ] as const;
  const contexts = proposed.map(([abstractSyntax, transferSyntax], at) => ({
    ...{ id: 2 * at + 1, abstractSyntax, transferSyntaxes: [transferSyntax] },
  }));
  const ac: AssociateAc = {
    ...{ kind: 'A-ASSOCIATE-AC', ...associate },
    items: proposed.map(([, transferSyntax], at) => ({
      ...{ kind: 'presentation-context-ac', id: 2 * at + 1, result: at % 2, transferSyntax, unknown: [] },
    })),
  };
  capabilities.learn('pacs', contexts, ac);
  expect(capabilities.learned).toEqual({ pacs: { [ct]: { [explicitVr]: true } } });
});
