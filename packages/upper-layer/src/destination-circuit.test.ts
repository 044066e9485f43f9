import fc from 'fast-check';
import { type CircuitChange, type CircuitState, DestinationCircuit } from './destination-circuit.ts';

const step = fc.constantFrom('refused', 'timeout', 'answer', 'probe');

test('opens after failures in a row or one refusal, closes by an answer alone (after a probe on probation), and tells each change once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 40 }), (failures, steps) => {
      const circuit = new DestinationCircuit({ failures });
      const told: CircuitChange[] = [];
      circuit.onChange((change) => told.push(change));
      let state: CircuitState = 'closed';
      let inARow = 0;
      let changes = 0;
      for (const taken of steps) {
        const before: CircuitState = state;
        if (taken === 'answer') {
          circuit.succeeded();
          [state, inARow] = ['closed', before === 'half-open' ? failures - 1 : 0];
        } else if (taken === 'probe') {
          expect(circuit.probing()).toBe(before === 'open');
          if (before === 'open') state = 'half-open';
        } else {
          circuit.failed(taken === 'refused' ? 'connection_refused' : 'connect_timeout');
          inARow++;
          if (before === 'half-open' || taken === 'refused' || inARow >= failures) state = 'open';
        }
        if (before !== state) {
          changes++;
          expect(told.at(-1)).toMatchObject({ from: before, to: state });
        }
        expect([circuit.state, circuit.isOpen, told.length]).toEqual([state, state !== 'closed', changes]);
      }
    }),
    { numRuns: 1000 },
  );
});
