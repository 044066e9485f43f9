/**
 * Imports go down only: apps → forwarder, relay, spool, queue, integrity → upper-layer → wire, instance, config, telemetry, sqlite.
 * ARCHITECTURE.md has the picture; this file makes it bite. TypeScript 7 has no parser that dependency-cruiser knows: swc's is used.
 */

/** Which packages of ours a package may import; tests stand under the same rule. */
const MAY_IMPORT = {
  wire: [],
  instance: [],
  config: [],
  sqlite: [],
  telemetry: ['instance'],
  'upper-layer': ['wire', 'instance', 'config', 'telemetry'],
  // Beside one another: they meet in the app, by the ports of `instance`.
  relay: ['upper-layer', 'wire', 'instance', 'config', 'telemetry'],
  spool: ['upper-layer', 'wire', 'instance', 'config', 'telemetry'],
  queue: ['upper-layer', 'wire', 'instance', 'config', 'telemetry', 'sqlite'],
  integrity: ['upper-layer', 'wire', 'instance', 'config', 'telemetry', 'sqlite'],
  forwarder: ['spool', 'queue', 'integrity', 'upper-layer', 'wire', 'instance', 'config', 'telemetry'],
};

/** Tests, and what is made for tests alone and shipped nowhere. */
const TEST_FILE = '(\\.test\\.ts|/contract/[^/]+\\.ts)$';

const layers = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `layer-of-${name}`,
  comment: `packages/${name} may import ${allowed.length === 0 ? 'no other package of ours' : allowed.join(', ')}`,
  severity: 'error',
  from: { path: `^packages/${name}/` },
  to: { path: '^(packages|apps|test|bench)/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'unlisted-package',
      comment: 'a new package takes its place in MAY_IMPORT first',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/(${Object.keys(MAY_IMPORT).join('|')})/` },
      to: {},
    },
    {
      name: 'wire-is-pure',
      comment: "wire is codecs: of Node's own modules it may use those that only compute",
      severity: 'error',
      from: { path: '^packages/(wire|instance)/', pathNot: TEST_FILE },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|util|zlib|string_decoder)$' },
    },
    {
      name: 'opentelemetry-sdk-in-apps',
      comment: 'packages know @opentelemetry/api only; the SDK is assembled in the app',
      severity: 'error',
      from: { pathNot: '^(apps|test|bench)/' },
      to: { path: '@opentelemetry/(?!api(/|$))' },
    },
    {
      name: 'entered-by-index',
      comment: 'another package is entered by its index.ts, or what else its exports name',
      severity: 'error',
      from: { path: '^((?:packages|apps)/[^/]+|test|bench)/' },
      to: {
        path: '^(packages|apps)/[^/]+/src/',
        pathNot: [
          '^$1/',
          '^(packages|apps)/[^/]+/src/index\\.ts$',
          '^packages/queue/src/redis/index\\.ts$',
          '^packages/integrity/src/testing/index\\.ts$',
        ],
      },
    },
    {
      name: 'stages-meet-in-compose',
      comment: 'the app has one place where the stages are put together',
      severity: 'error',
      from: {
        path: '^apps/',
        pathNot: ['^apps/proxy/src/(compose\\.ts|kept/|integrity/)', '^apps/cli/src/(queue|studies|modalities|instance)/', TEST_FILE],
      },
      to: { path: '^packages/(relay|spool|queue|integrity|forwarder)/' },
    },
    {
      name: 'apps-import-down',
      comment: 'cli may start the proxy; nothing imports cli, and the proxy no other app',
      severity: 'error',
      from: { path: '^apps/(?!cli/)' },
      to: { path: '^apps/cli/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-test-in-source',
      comment: 'what ships imports no test, and no test tool',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: TEST_FILE },
      to: { path: ['^(test|bench)/', '/src/testing/index\\.ts$', TEST_FILE, 'node_modules/(fast-check|@jest|jest)/'] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    // The forwarder's tests use `await using`, which this parser does not read yet.
    exclude: { path: '(^|/)dist/|packages/forwarder/src/[^/]+\\.test\\.ts$' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@radiotracer/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
