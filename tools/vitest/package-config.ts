import { basename, join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The condition that makes workspace packages resolve to their sources, so tests need no build. */
const SOURCE_CONDITION = '@cortex-governance/source';

/** Not `import` nor `module`: these also hold for what Node loads from dependencies, CommonJS or not. */
const CONDITIONS = [SOURCE_CONDITION, 'node'];

/** Long enough for tests that start child processes on a loaded two-core machine, in milliseconds. */
const TEST_TIMEOUT_MS = 20_000;

const root = join(import.meta.dirname, '..', '..');

/** Returns the Vitest configuration of the package in `folder`. Every package uses this one. */
export function packageConfig(folder: string): ViteUserConfig {
  const name = basename(folder);
  // A second run of all tests, on another Node, keeps its reports apart.
  const reports = process.env.REPORTS ?? 'tests';
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
      reporters: ['default', 'junit'],
      outputFile: { junit: join(root, 'reports', reports, `${name}.xml`) },
    },
  });
}
