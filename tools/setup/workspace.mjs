import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './child.mjs';
import { findMissingPart } from './environment.mjs';
import { install } from './install.mjs';

/** The root folder of this repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Checks the machine and installs the dependencies; ends the process when either fails. */
export async function setUp() {
  const missing = findMissingPart();
  if (missing !== undefined) {
    console.error(missing);
    process.exit(1);
  }
  const code = await install(root);
  if (code !== 0) {
    if (code < 128) console.error('Installing the dependencies failed; see the messages above.');
    process.exit(code);
  }
}

/** Runs Nx without its background process, and resolves with its exit code. */
export function runNx(args) {
  const folder = join(root, 'node_modules', 'nx');
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const env = { NX_DAEMON: process.env.NX_DAEMON ?? 'false', NX_NO_CLOUD: 'true' };
  return runChild(process.execPath, [join(folder, bin.nx), ...args], { cwd: root, env });
}
