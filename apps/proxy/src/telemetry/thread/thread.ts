/** The entry of the thread of telemetry: the same telemetry as anywhere, and messages in place of calls. */
import { parentPort, workerData } from 'node:worker_threads';
import type { DeliverySources } from '@radiotracer/telemetry';
import { createLogger } from '../log.ts';
import { startTelemetry } from '../start-telemetry.ts';
import { eventsIn } from './event-bytes.ts';
import type { FromThread, Sources, ThreadStart, ToThread } from './messages.ts';
import { OpenQuestions } from './questions.ts';

/** Log lines go together: a message for each would cost more than the line. They go as text, which the thread of the associations only hands on. */
const gatherMs = 50;

class GatheredLines {
  readonly #post: (message: FromThread) => void;
  #lines = '';

  constructor(post: (message: FromThread) => void) {
    this.#post = post;
  }

  send(): void {
    if (this.#lines === '') return;
    this.#post({ kind: 'lines', lines: this.#lines });
    this.#lines = '';
  }

  write(line: string): void {
    if (this.#lines === '') setTimeout(() => this.send(), gatherMs);
    this.#lines += line;
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const { config, version, siteKey, logLevel, come } = workerData as ThreadStart;
  const post = (message: FromThread) => port.postMessage(message);
  const lines = new GatheredLines(post);
  const questions = new OpenQuestions<keyof Sources>(post);
  const ask = <What extends keyof Sources>(what: What) => questions.ask(what) as ReturnType<Sources[What]>;
  const telemetry = startTelemetry(config, {
    ...{ version, siteKey, logger: createLogger({ level: logLevel, destination: lines }) },
    loopDelay: () => ask('loopDelay'),
    rolledOver: (studyInstanceUid, generation) => post({ kind: 'rolled-over', studyInstanceUid, generation }),
  });
  const sources: DeliverySources = {
    queueCounts: () => ask('queueCounts'),
    queueAvailable: () => ask('queueAvailable'),
    spool: () => ask('spool'),
    circuits: () => ask('circuits'),
    certificates: () => ask('certificates'),
  };
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'events':
        if (message.lost > 0) telemetry.lost(message.lost);
        for (const event of eventsIn(message.events)) telemetry.publish(event);
        Atomics.add(come, 0, message.events.count);
        return;
      case 'sources':
        if (message.of === 'delivery') telemetry.observeDelivery(sources);
        else telemetry.observeLedger({ ledger: () => ask('ledger') });
        return;
      case 'integrity':
        // Its failure ends the thread; both are begun again then.
        void import('../../integrity/serve-integrity.ts').then(({ serveIntegrity }) => serveIntegrity(message.port, message.data));
        return;
      case 'studies':
        telemetry.rememberStudies(message.studies);
        return;
      case 'answer':
        questions.answered(message);
        return;
      case 'asked': {
        const { number, what } = message;
        const answer = (value: unknown) => {
          lines.send();
          post({ kind: 'answer', number, value });
        };
        telemetry[what]().then(answer, () => answer(undefined));
      }
    }
  });
  post({ kind: 'ready', sampling: telemetry.sampling });
}

if (parentPort !== null) serve(parentPort);
