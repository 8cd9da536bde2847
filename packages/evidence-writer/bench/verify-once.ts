import { verifyEvidence } from '../src/index.ts';
import { BundlePool } from '../src/verify/bundle-pool.ts';

/*
 * Verifies a log three times in a process of its own, and prints the best as JSON. Its threads read
 * TypeScript, which those of the bench cannot.
 */

const [folder = '', workers = ''] = process.argv.slice(2);
const threads = Number(workers);

const pool = await BundlePool.start({ folder, signedSize: 0, live: false }, threads);
if (pool.threads !== (threads < 2 ? 0 : threads)) throw new Error(`${pool.threads} threads`);
await pool.close();

let best = Infinity;
let records = 0;
for (let run = 0; run < 3; run += 1) {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const report = await verifyEvidence(folder, { workers: threads });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (!report.ok) throw new Error(report.firstFault?.problem);
  records = report.records;
  if (seconds < best) best = seconds;
  if (run === 2) {
    const bytes = process.memoryUsage().rss;
    const perRecord = (user + system) / records;
    process.stdout.write(JSON.stringify({ records, seconds: best, perRecord, bytes }));
  }
}
