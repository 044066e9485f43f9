import { QueueUnavailable } from '@radiotracer/queue';
import { SpoolError } from '@radiotracer/spool';
import { causeOf, failureTo } from './failure-line.ts';
import { createLogger } from './telemetry/log.ts';

test('of an error that nobody foresaw no message is logged: it may quote a record, or what was sent to Redis', () => {
  const lines: string[] = [];
  const failed = failureTo(createLogger({ destination: { write: (line) => void lines.push(line) } }));
  const reply = Object.assign(new Error("ERR unknown command 'evalsha', with args beginning with: '1' 'DOE^JOHN'"), { name: 'ReplyError' });
  failed('scheduling')(reply);
  try {
    JSON.parse('DOE^JOHN');
  } catch (error) {
    failed('forwarding')(error);
  }
  const ofNode = new TypeError(`The "offset" argument must be of type number. Received type string ('DOE^JOHN')`);
  failed('forwarding')(Object.assign(ofNode, { code: 'ERR_INVALID_ARG_TYPE' }));
  failed('listing')('DOE^JOHN');
  failed('scheduling')(new QueueUnavailable('refused', 'Redis: OOM command not allowed'));
  expect(lines.join('')).not.toContain('DOE');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ 'error.type': 'internal', error: expect.objectContaining({ type: 'ReplyError' }) }),
    expect.objectContaining({ 'error.type': 'internal', error: expect.objectContaining({ type: 'SyntaxError' }) }),
    expect.objectContaining({ 'error.type': 'ERR_INVALID_ARG_TYPE', error: expect.objectContaining({ type: 'TypeError' }) }),
    expect.objectContaining({ message: 'listing failed; it is tried again' }),
    expect.objectContaining({ 'error.type': 'refused', 'error.message': 'Redis: OOM command not allowed' }),
  ]);
});

test('what the system did not do goes by its code, what the product would not do by that of the product', () => {
  const facts = { operation: 'write', where: '/spool', what: 'failed', advice: 'Look' } as const;
  const cause = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
  const errors = [new SpoolError({ ...facts, code: 'io', cause }), new SpoolError({ ...facts, code: 'spool-full' }), new Error('no'), 'no'];
  expect(errors.map(causeOf)).toEqual(['ENOENT', 'spool-full', 'internal', 'internal']);
});
