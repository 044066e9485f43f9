import type { Config } from '@radiotracer/config';

/** Those that may have a metric, or a record, of their own: what else is called, or calls, could be anything. */
export function configuredAeTitles({
  routes,
  destinations,
  integrity,
}: Pick<Config, 'routes' | 'destinations' | 'integrity'>): ReadonlySet<string> {
  const titles = new Set<string>();
  const add = (title: string | undefined) => {
    if (title !== undefined) titles.add(title);
  };
  for (const { calledAet, callingAet, rewriteCallingAet } of routes)
    for (const title of [calledAet, callingAet, rewriteCallingAet]) add(title);
  for (const { aet } of Object.values(destinations)) add(aet);
  add(integrity.callingAet);
  return titles;
}
