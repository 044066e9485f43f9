/** The entry of the thread of telemetry: the same telemetry as anywhere, and messages in place of calls. */
import { parentPort, workerData } from 'node:worker_threads';
import type { DeliverySources } from '@radiotracer/telemetry';
import type { LogLine, LogSink } from '../log-line.ts';
import { startTelemetry } from '../start-telemetry.ts';
import { operationOf } from './flat-operation.ts';
import type { FromThread, Sources, ThreadStart, ToThread } from './messages.ts';
import { OpenQuestions } from './questions.ts';

/** Log lines go together: a message for each would cost more than the line. */
const gatherMs = 50;

class GatheredLines implements LogSink {
  readonly info = this.#to('info');
  readonly warn = this.#to('warn');
  readonly error = this.#to('error');
  readonly #post: (message: FromThread) => void;
  #lines: LogLine[] = [];

  constructor(post: (message: FromThread) => void) {
    this.#post = post;
  }

  send(): void {
    if (this.#lines.length === 0) return;
    this.#post({ kind: 'lines', lines: this.#lines });
    this.#lines = [];
  }

  #to(level: LogLine['level']): (fields: object, message: string) => void {
    return (fields, message) => {
      if (this.#lines.length === 0) setTimeout(() => this.send(), gatherMs);
      this.#lines.push({ level, message, fields: { ...fields } });
    };
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const { config, version, siteKey, come } = workerData as ThreadStart;
  const post = (message: FromThread) => port.postMessage(message);
  const lines = new GatheredLines(post);
  const questions = new OpenQuestions<keyof Sources>(post);
  const ask = <What extends keyof Sources>(what: What) => questions.ask(what) as ReturnType<Sources[What]>;
  const telemetry = startTelemetry(config, {
    ...{ version, siteKey, logger: lines },
    loopDelay: () => ask('loopDelay'),
    rolledOver: (studyInstanceUid, generation) => post({ kind: 'rolled-over', studyInstanceUid, generation }),
  });
  const sources: DeliverySources = {
    queueCounts: () => ask('queueCounts'),
    spool: () => ask('spool'),
    circuits: () => ask('circuits'),
    certificates: () => ask('certificates'),
  };
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'events':
        if (message.lost > 0) telemetry.lost(message.lost);
        for (const event of message.events) telemetry.publish('type' in event ? event : operationOf(event));
        Atomics.add(come, 0, message.events.length);
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
