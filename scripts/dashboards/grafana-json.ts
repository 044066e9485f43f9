import type { Dashboard, Panel, Query, Variable } from './panel.ts';

const prometheus = { type: 'prometheus', uid: 'prometheus' };
const jaeger = { type: 'jaeger', uid: 'jaeger' };
/** Where Jaeger's own page is, seen from the browser; the lab's. */
const jaegerPage = 'http://localhost:16686';
const gridWidth = 24;

/** The dashboard as Grafana's provisioning reads it. `all` are those that it links to. */
export function grafanaJson({ uid, title, description, variables, panels }: Dashboard, all: readonly Dashboard[]): unknown {
  return {
    uid: `radiotracer-${uid}`,
    title: `radiotracer: ${title}`,
    description,
    tags: ['radiotracer'],
    schemaVersion: 41,
    version: 1,
    editable: true,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    links: all.map((other) => ({
      type: 'link',
      title: other.title,
      url: `/d/radiotracer-${other.uid}`,
      keepTime: true,
      includeVars: true,
    })),
    templating: { list: variables.map(templating) },
    panels: placed(panels),
  };
}

function templating({ name, label, metric, of }: Variable): unknown {
  const query = `label_values(${metric}, ${of})`;
  return {
    name,
    label,
    type: 'query',
    datasource: prometheus,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

/** From left to right, and on in the next row. */
function placed(panels: readonly Panel[]): unknown[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return panels.map((panel, index) => {
    if (x + panel.width > gridWidth) {
      x = 0;
      y += rowHeight;
      rowHeight = 0;
    }
    const gridPos = { x, y, w: panel.width, h: panel.height };
    x += panel.width;
    rowHeight = Math.max(rowHeight, panel.height);
    return { id: index + 1, gridPos, ...body(panel) };
  });
}

function body({ title, type, description, queries, unit, more = {} }: Panel): Record<string, unknown> {
  const { fieldConfig = {}, options = {}, ...rest } = more as { readonly fieldConfig?: object; readonly options?: object };
  const defaults = { ...(unit === undefined ? {} : { unit }), ...fieldConfig };
  const common = { title, type, description, fieldConfig: { defaults, overrides: [] }, options, ...rest };
  switch (type) {
    case 'traces':
      return { ...common, type: 'table', datasource: jaeger, targets: queries.map(search), links: [jaegerLink(queries)] };
    case 'table':
      return {
        ...common,
        datasource: prometheus,
        targets: queries.map((query, index) => ({ ...target(query, index), instant: true, range: false, format: 'table' })),
        transformations: [
          { id: 'merge', options: {} },
          { id: 'organize', options: { excludeByName: { Time: true, __name__: true } } },
        ],
      };
    case 'stat':
      return {
        ...common,
        datasource: prometheus,
        targets: queries.map((query, index) => ({ ...target(query, index), instant: true, range: false })),
      };
    case 'timeseries':
      return { ...common, datasource: prometheus, targets: queries.map(target) };
  }
}

function target([expr, legend = '']: Query, index: number) {
  const isOfSpans = expr.includes('traces_span_metrics_duration');
  return {
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: prometheus,
    editorMode: 'code',
    expr,
    legendFormat: legend === '' ? '__auto' : legend,
    range: true,
    // The dots that lead to traces: only what the collector made of spans has them.
    ...(isOfSpans ? { exemplar: true } : {}),
  };
}

function search([operation, tags = '']: Query, index: number) {
  return {
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: jaeger,
    queryType: 'search',
    service: 'radiotracer',
    operation,
    tags,
    limit: 20,
  };
}

function jaegerLink([first]: readonly Query[]) {
  const [operation = '', tags = ''] = first ?? ['', ''];
  const wanted = Object.fromEntries(
    tags
      .split(' ')
      .filter((tag) => tag !== '')
      .map((tag) => tag.split('=') as [string, string]),
  );
  const search = new URLSearchParams({
    service: 'radiotracer',
    operation,
    lookback: '1h',
    ...(tags === '' ? {} : { tags: JSON.stringify(wanted) }),
  });
  return { title: 'in Jaeger', url: `${jaegerPage}/search?${search}`, targetBlank: true };
}
