/** What the dashboards are made of: Grafana's panels, with as little said as possible. Sizes are of Grafana's grid, 24 wide. */

/** One query of a panel: PromQL, and the legend. */
export type Query = readonly [expr: string, legend?: string];

export interface Panel {
  readonly title: string;
  readonly type: 'timeseries' | 'stat' | 'table' | 'traces';
  readonly width: number;
  readonly height: number;
  /** What to read from it, and what is good. */
  readonly description: string;
  readonly queries: readonly Query[];
  readonly unit?: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  /** Its values are those of `label_values(…)`. */
  readonly metric: string;
  readonly of: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly panels: readonly Panel[];
}

type Options = {
  readonly width?: number;
  readonly height?: number;
  readonly unit?: string;
  readonly more?: Readonly<Record<string, unknown>>;
};

const shape = ({ unit, more, width, height }: Options, size: { readonly width: number; readonly height: number }) => ({
  width: width ?? size.width,
  height: height ?? size.height,
  ...(unit === undefined ? {} : { unit }),
  ...(more === undefined ? {} : { more }),
});

export function lines(title: string, description: string, queries: readonly Query[], options: Options = {}): Panel {
  return { title, type: 'timeseries', description, queries, ...shape(options, { width: 8, height: 8 }) };
}

/** One number; red from the given one on. */
export function number(title: string, description: string, query: string, redFrom: number | 'never', options: Options = {}): Panel {
  const red = redFrom === 'never' ? [] : [{ color: 'red', value: redFrom }];
  const steps = [{ color: redFrom === 'never' ? 'text' : 'green', value: null }, ...red];
  return {
    title,
    type: 'stat',
    description,
    queries: [[query]],
    ...shape(options, { width: 4, height: 4 }),
    more: { fieldConfig: { thresholds: { mode: 'absolute', steps } }, options: { reduceOptions: { calcs: ['lastNotNull'] } } },
  };
}

/** One row a series, as it is now. */
export function table(title: string, description: string, queries: readonly Query[], options: Options = {}): Panel {
  return { title, type: 'table', description, queries, ...shape(options, { width: 8, height: 8 }) };
}

/** Jaeger's newest traces of an operation; the id in each row opens the trace. */
export function traces(title: string, description: string, operation: string, tags: string, options: Options = {}): Panel {
  return { title, type: 'traces', description, queries: [[operation, tags]], ...shape(options, { width: 24, height: 10 }) };
}

/** Percentiles of a histogram that keep the given labels. */
export function percentiles(metric: string, matchers: string, by: string, legend = ''): Query[] {
  const prefix = legend === '' ? '' : `${legend} `;
  return [50, 95, 99].map((p) => [
    `histogram_quantile(0.${p}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${metric}_bucket${matchers}[$__rate_interval])))`,
    `${prefix}p${p}`,
  ]);
}
