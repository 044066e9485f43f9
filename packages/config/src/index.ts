export { isLoopbackHost } from './address-range.ts';
export { isAeTitle } from './ae-title.ts';
export type * from './config.ts';
export { ConfigError, type Problem, type ProblemCode } from './config-error.ts';
export { DURATION_ALLOWED, parseDuration } from './duration.ts';
export { CONFIG_SEARCH, type ConfigSource, configFrom, type LoadedConfig, loadConfig, parseConfig } from './load-config.ts';
export { matchRoute, type RouteQuery, unknownTitle, unusedRoutes } from './match-route.ts';
