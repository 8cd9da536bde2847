import { basename, join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { FlakyReporter } from './flaky-reporter.ts';

/** The condition that makes workspace packages resolve to their sources, so tests need no build. */
const SOURCE_CONDITION = '@cortex-governance/source';

/** Not `import` nor `module`: these also hold for what Node loads from dependencies, CommonJS or not. */
const CONDITIONS = [SOURCE_CONDITION, 'node'];

/** Long enough for tests that start child processes on a loaded two-core machine, in milliseconds. */
const TEST_TIMEOUT_MS = 20_000;

/**
 * In CI a test that fails is run once more, for its processes share a busy machine; the summary names it as
 * flaky. A property that failed is not: its counterexample would be lost.
 */
const CI_RETRY = { count: 1, condition: /^(?!Property failed)/ };

const root = join(import.meta.dirname, '..', '..');

/** Returns the Vitest configuration of the package in `folder`. Every package uses this one. */
export function packageConfig(folder: string): ViteUserConfig {
  const name = basename(folder);
  // A second run of all tests, on another Node, keeps its reports apart.
  const reports = join(root, 'reports', process.env.REPORTS ?? 'tests');
  const isCi = process.env.CI !== undefined && process.env.CI !== '';
  return defineConfig({
    root: folder,
    resolve: { conditions: CONDITIONS },
    ssr: { resolve: { conditions: CONDITIONS } },
    test: {
      name,
      include: ['test/**/*.test.ts'],
      environment: 'node',
      globals: false,
      testTimeout: TEST_TIMEOUT_MS,
      hookTimeout: TEST_TIMEOUT_MS,
      passWithNoTests: false,
      setupFiles: ['plain-output.ts', 'fail-on-output.ts'].map((file) =>
        join(import.meta.dirname, file),
      ),
      ...(isCi ? { retry: CI_RETRY } : {}),
      reporters: ['default', 'junit', new FlakyReporter(join(reports, `${name}.flaky.json`))],
      outputFile: { junit: join(reports, `${name}.xml`) },
    },
  });
}
