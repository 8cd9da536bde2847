/*
 * `npm test [-- options of nx run-many]`: set up, and run every package's tests.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { countTests, summaryLines } from '../checks/summary.mjs';
import { root, runNx, setUp } from './workspace.mjs';

const reports = join(root, 'reports', 'tests');

await setUp();
// Nx puts the reports of unchanged packages back from its cache.
rmSync(reports, { recursive: true, force: true });
console.log('> Testing');
const args = process.argv.slice(2);
const code = await runNx(['run-many', '-t', 'test', '--outputStyle=static', ...args]);
const counts = countTests([reports]);
if (code !== 0 && counts.failed === 0) counts.failed = 1;
for (const line of summaryLines(counts)) console.log(line);
process.exit(code);
