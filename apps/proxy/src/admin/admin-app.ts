/**
 * The admin HTTP interface. `/healthz`: the process lives and answers. `/readyz`: it takes associations. Both are for orchestrators
 * and say nothing of the site, so they ask for no token; everything else (`/metrics`) does when there is one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';

/** Prometheus' text format, version 0.0.4. */
const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Where the proxy is in its life. Only `ready` takes new associations. */
export type Readiness = 'starting' | 'ready' | 'draining';

export interface AdminAppOptions {
  readonly version: string;
  /** Asked at every request. */
  readonly readiness: () => Readiness;
  /** Bearer token; undefined: none is asked. */
  readonly token: string | undefined;
  /** `/metrics`, in Prometheus' text format; undefined: there is none (yet), 503. */
  readonly metrics?: () => Promise<string | undefined> | undefined;
}

export function adminApp({ version, readiness, token, metrics }: AdminAppOptions): Hono {
  const app = new Hono();
  app.get('/healthz', (context) => context.json({ status: 'ok', version }));
  app.get('/readyz', (context) => {
    const status = readiness();
    return context.json({ status }, status === 'ready' ? 200 : 503);
  });
  if (token !== undefined) app.use(bearer(token));
  app.get('/metrics', async (context) => {
    const text = await metrics?.();
    if (text === undefined) return context.json({ error: 'unavailable' }, 503);
    return context.body(text, 200, { 'Content-Type': prometheusContentType });
  });
  app.notFound((context) => context.json({ error: 'not_found', path: context.req.path }, 404));
  // The message may quote what a request held; it is not for the caller.
  app.onError((_error, context) => context.json({ error: 'internal' }, 500));
  return app;
}

/** RFC 6750 2.1. Compared by digest, so that time tells nothing of the token. */
function bearer(token: string) {
  const wanted = digest(token);
  return createMiddleware(async (context, next) => {
    const [, given] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return await next();
    return context.json({ error: 'unauthorized' }, 401, { 'WWW-Authenticate': 'Bearer realm="radiotracer"' });
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
