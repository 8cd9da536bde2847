import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

/** A test that failed, and passed when it was run again. */
interface FlakyTest {
  readonly name: string;
  /** What it said when it failed. */
  readonly message: string;
}

/** Writes the tests that passed only when they were run again into a JSON file; none, no file. */
export class FlakyReporter implements Reporter {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap(flakyTests);
    if (tests.length === 0) return;
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, `${JSON.stringify(tests)}\n`);
  }
}

function flakyTests(module: TestModule): readonly FlakyTest[] {
  const tests: FlakyTest[] = [];
  for (const test of module.children.allTests('passed')) {
    if (test.diagnostic()?.flaky !== true) continue;
    const { errors = [] } = test.result();
    tests.push({ name: test.fullName, message: errors[0]?.message ?? '' });
  }
  return tests;
}
