/**
 * For `failed` of an engine: what it could not do fails the test in which it was told. To be called once in a file, outside of its tests: the engine
 * goes on after a failure, and lets nothing out that is thrown where it tells of one.
 */
export function noFailures(): (error: unknown) => void {
  const failures: unknown[] = [];
  afterEach(() => {
    expect(failures.splice(0)).toEqual([]);
  });
  return (error) => void failures.push(error);
}
