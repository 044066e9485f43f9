/**
 * The state machine of one end of an association, transcribed from PS3.8 table 9-10 (transitions) and tables 9-6 to 9-9 (actions).
 *
 * Pure: `transition` says which action an event means in a state; `Association` carries the actions out.
 */

/** PS3.8 table 9-4 and 9-5. */
export type State =
  | 'Sta1' // idle
  | 'Sta2' // transport open, awaiting A-ASSOCIATE-RQ
  | 'Sta3' // awaiting the local A-ASSOCIATE response
  | 'Sta4' // awaiting the transport connection
  | 'Sta5' // awaiting A-ASSOCIATE-AC or -RJ
  | 'Sta6' // association established
  | 'Sta7' // awaiting A-RELEASE-RP
  | 'Sta8' // awaiting the local A-RELEASE response
  | 'Sta9' // release collision, requestor: awaiting the local A-RELEASE response
  | 'Sta10' // release collision, acceptor: awaiting A-RELEASE-RP
  | 'Sta11' // release collision, requestor: awaiting A-RELEASE-RP
  | 'Sta12' // release collision, acceptor: awaiting the local A-RELEASE response
  | 'Sta13'; // awaiting the close of the transport

/** PS3.8 table 9-10, left column. */
export type Event =
  | 'Evt1' // A-ASSOCIATE request
  | 'Evt2' // transport connection confirmed
  | 'Evt3' // A-ASSOCIATE-AC received
  | 'Evt4' // A-ASSOCIATE-RJ received
  | 'Evt5' // transport connection indication
  | 'Evt6' // A-ASSOCIATE-RQ received
  | 'Evt7' // A-ASSOCIATE response, accept
  | 'Evt8' // A-ASSOCIATE response, reject
  | 'Evt9' // P-DATA request
  | 'Evt10' // P-DATA-TF received
  | 'Evt11' // A-RELEASE request
  | 'Evt12' // A-RELEASE-RQ received
  | 'Evt13' // A-RELEASE-RP received
  | 'Evt14' // A-RELEASE response
  | 'Evt15' // A-ABORT request
  | 'Evt16' // A-ABORT received
  | 'Evt17' // transport connection closed
  | 'Evt18' // ARTIM expired
  | 'Evt19'; // unrecognized or invalid PDU received

/** PS3.8 tables 9-6 to 9-9. */
export type Action =
  | 'AE-1'
  | 'AE-2'
  | 'AE-3'
  | 'AE-4'
  | 'AE-5'
  | 'AE-6'
  | 'AE-7'
  | 'AE-8'
  | 'DT-1'
  | 'DT-2'
  | 'AR-1'
  | 'AR-2'
  | 'AR-3'
  | 'AR-4'
  | 'AR-5'
  | 'AR-6'
  | 'AR-7'
  | 'AR-8'
  | 'AR-9'
  | 'AR-10'
  | 'AA-1'
  | 'AA-2'
  | 'AA-3'
  | 'AA-4'
  | 'AA-5'
  | 'AA-6'
  | 'AA-7'
  | 'AA-8';

type Row = Partial<Record<State, Action>>;

const fromSta5ToSta12 = (action: Action): Row => ({
  Sta5: action,
  Sta6: action,
  Sta7: action,
  Sta8: action,
  Sta9: action,
  Sta10: action,
  Sta11: action,
  Sta12: action,
});

/** PS3.8 table 9-10. A cell that the standard leaves empty is a local mistake and means nothing happens. */
const table: Record<Event, Row> = {
  Evt1: { Sta1: 'AE-1' },
  Evt2: { Sta4: 'AE-2' },
  Evt3: { Sta2: 'AA-1', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta5: 'AE-3', Sta13: 'AA-6' },
  Evt4: { Sta2: 'AA-1', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta5: 'AE-4', Sta13: 'AA-6' },
  Evt5: { Sta1: 'AE-5' },
  Evt6: { Sta2: 'AE-6', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta13: 'AA-7' },
  Evt7: { Sta3: 'AE-7' },
  Evt8: { Sta3: 'AE-8' },
  Evt9: { Sta6: 'DT-1', Sta8: 'AR-7' },
  Evt10: { Sta2: 'AA-1', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta6: 'DT-2', Sta7: 'AR-6', Sta13: 'AA-6' },
  Evt11: { Sta6: 'AR-1' },
  Evt12: { Sta2: 'AA-1', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta6: 'AR-2', Sta7: 'AR-8', Sta13: 'AA-6' },
  Evt13: { Sta2: 'AA-1', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta7: 'AR-3', Sta10: 'AR-10', Sta11: 'AR-3', Sta13: 'AA-6' },
  Evt14: { Sta8: 'AR-4', Sta9: 'AR-9', Sta12: 'AR-4' },
  Evt15: { Sta3: 'AA-1', Sta4: 'AA-2', ...fromSta5ToSta12('AA-1') },
  Evt16: { Sta2: 'AA-2', Sta3: 'AA-3', ...fromSta5ToSta12('AA-3'), Sta13: 'AA-2' },
  Evt17: { Sta2: 'AA-5', Sta3: 'AA-4', Sta4: 'AA-4', ...fromSta5ToSta12('AA-4'), Sta13: 'AR-5' },
  Evt18: { Sta2: 'AA-2', Sta13: 'AA-2' },
  Evt19: { Sta2: 'AA-1', Sta3: 'AA-8', ...fromSta5ToSta12('AA-8'), Sta13: 'AA-7' },
};

/** The state after each action (AE-6 when the request is acceptable; AR-8 depends on the role). */
const nextState: Record<Exclude<Action, 'AR-8'>, State> = {
  'AE-1': 'Sta4',
  'AE-2': 'Sta5',
  'AE-3': 'Sta6',
  'AE-4': 'Sta1',
  'AE-5': 'Sta2',
  'AE-6': 'Sta3',
  'AE-7': 'Sta6',
  'AE-8': 'Sta13',
  'DT-1': 'Sta6',
  'DT-2': 'Sta6',
  'AR-1': 'Sta7',
  'AR-2': 'Sta8',
  'AR-3': 'Sta1',
  'AR-4': 'Sta13',
  'AR-5': 'Sta1',
  'AR-6': 'Sta7',
  'AR-7': 'Sta8',
  'AR-9': 'Sta11',
  'AR-10': 'Sta12',
  'AA-1': 'Sta13',
  'AA-2': 'Sta1',
  'AA-3': 'Sta1',
  'AA-4': 'Sta1',
  'AA-5': 'Sta1',
  'AA-6': 'Sta13',
  'AA-7': 'Sta13',
  'AA-8': 'Sta13',
};

/** requestor: sent the A-ASSOCIATE-RQ; acceptor: received it. */
export type Role = 'requestor' | 'acceptor';

/** What an event means in a state, or undefined where the standard has no such cell. */
export function transition(state: State, event: Event, role: Role): { readonly action: Action; readonly next: State } | undefined {
  const action = table[event][state];
  if (action === undefined) return undefined;
  if (action === 'AR-8') return { action, next: role === 'requestor' ? 'Sta9' : 'Sta10' };
  return { action, next: nextState[action] };
}
