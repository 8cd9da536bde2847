import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createProgram, renderReference } from '../src/index.ts';

/** Writes docs/reference/cli.md. A test says when it is not current. */
const page = fileURLToPath(new URL('../../../docs/reference/cli.md', import.meta.url));

writeFileSync(
  page,
  renderReference(
    createProgram({
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: {},
      cwd: '/',
      exit: 'OK',
    }),
  ),
);
