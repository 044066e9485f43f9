/**
 * Jest reporter: names what was skipped, and writes "PASSED FAILED" into the file that TEST_COUNTS names, from which `./dev test`
 * makes its last line. A test file that could not be run counts as one that failed.
 */
import { writeFileSync } from 'node:fs';

export default class CountingReporter {
  onRunComplete(_contexts, results) {
    const skipped = results.testResults.flatMap((file) =>
      file.testResults.filter(({ status }) => status === 'pending' || status === 'todo'),
    );
    for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
    if (skipped.length > 0) console.log(`${skipped.length} skipped`);
    const counts = process.env.TEST_COUNTS;
    if (counts !== undefined)
      writeFileSync(counts, `${results.numPassedTests} ${results.numFailedTests + results.numRuntimeErrorTestSuites}\n`);
  }
}
