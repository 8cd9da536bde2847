import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mergeConfig } from 'vitest/config';
import { packageConfig } from '../../tools/vitest/package-config.ts';

const THREADS = pathToFileURL(
  join(import.meta.dirname, 'test/fixtures/threads-read-typescript.mjs'),
);

// The verifier starts threads: from the sources, as the tests read them.
export default mergeConfig(packageConfig(import.meta.dirname), {
  test: { execArgv: ['--import', THREADS.href, '--conditions=@cortex-governance/source'] },
});
