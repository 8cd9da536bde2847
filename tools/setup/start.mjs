/*
 * `npm start [-- options of govern serve]`: set up, build, and serve decisions.
 *
 * The server is loaded into this very process rather than started as a child: Ctrl-C, SIGTERM and
 * the exit code then need no passing on, and killing this process leaves nothing behind. For the
 * same reason the npm script says `exec`: npm signals only the shell that it starts.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runNx, setUp } from './workspace.mjs';

await setUp();
console.log('> Building');
const code = await runNx(['run', 'cli:build', '--outputStyle=static']);
if (code !== 0) {
  if (code < 128) console.error('The build failed; see the messages above.');
  process.exit(code);
}

process.chdir(root);
const program = join(root, 'packages', 'cli', 'dist', 'bin.js');
process.argv.splice(1, process.argv.length - 1, program, 'serve', ...process.argv.slice(2));
await import(pathToFileURL(program).href);
