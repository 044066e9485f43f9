// Node runs the sources as they are; swc only strips the types (it checks none: `./dev check` does).
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironmentOptions: { customExportConditions: ['@radiotracer/source', 'node', 'node-addons'] },
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } }] },
  modulePathIgnorePatterns: ['/dist/'],
};

export default {
  // Jest would leave one core to itself, and on two run one file after the other; half of the tests wait for somebody most of the time.
  maxWorkers: '100%',
  // Where a test says nothing else: a bound for what hangs, and not for a machine that is busy.
  testTimeout: 20_000,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{packages,apps}/*/src/**/*.test.ts', '<rootDir>/bench/**/*.test.ts'] },
    {
      ...shared,
      displayName: 'real parts',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      globalSetup: '<rootDir>/test/fixtures/warm-up.ts',
    },
  ],
};
