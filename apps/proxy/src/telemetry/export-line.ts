import { adviceFor } from './export-failure.ts';
import type { ExportNews } from './export-watch.ts';
import type { LogLine } from './log-line.ts';
import type { OtlpEndpoint, Signal } from './otlp-endpoint.ts';
import { plainWords } from './plain-words.ts';
import type { Answer } from './sdk-diagnostics.ts';

const answers: Readonly<Record<Answer['type'], { readonly message: string; readonly advice: string }>> = {
  rejected: {
    message: 'telemetry is thrown away by its receiver; images are not affected',
    advice: 'it took the export and rejected a part of it: its log says why',
  },
  warning: { message: 'the receiver of telemetry took it, with a warning', advice: 'its log may say more' },
  unreadable: {
    message: 'telemetry is taken by something that answers no OTLP; images are not affected',
    advice: 'it may be a page or a portal, and all is lost: correct the address, or look at what stands before the collector',
  },
};

/** What happened and what to do, in fixed words. */
export function adviceOn({ type }: Answer): string {
  return answers[type].advice;
}

/** Where, why, and what to do. Nothing of what was sent, or might be quoted of it. */
export function exportLine(signal: Signal, { url, from }: OtlpEndpoint, news: ExportNews): LogLine {
  const where = { 'telemetry.signal': signal, 'url.full': withoutSecrets(url), 'telemetry.configured_by': from };
  switch (news.type) {
    case 'failing': {
      const { type, httpStatus } = news.failure;
      const status = httpStatus === undefined ? {} : { 'http.response.status_code': httpStatus };
      const why = { 'error.type': type, ...status, 'error.message': adviceFor(news.failure) };
      return { level: 'warn', message: 'telemetry is not being taken; images are not affected', fields: { ...where, ...why } };
    }
    case 'working': {
      const seconds = Math.round(news.failedForMs / 1000);
      return {
        level: 'info',
        message: 'telemetry is being taken again',
        fields: { ...where, 'telemetry.lost': news.lost, 'telemetry.failed_for': seconds },
      };
    }
    case 'answered': {
      const { type, message } = news.answer;
      const { message: line, advice } = answers[type];
      const lost = type === 'rejected' ? { 'telemetry.rejected': news.rejected } : {};
      const words = plainWords(message);
      const said = words === '' ? {} : { 'telemetry.answer': words };
      return { level: 'warn', message: line, fields: { ...where, 'error.type': type, ...lost, ...said, 'error.message': advice } };
    }
  }
}

/** User, password and query may be. */
export function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
