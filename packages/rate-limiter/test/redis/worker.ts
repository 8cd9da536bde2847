/*
 * A process that calls until it is told to end, and then tells what was admitted. Started by tests as
 * `worker.ts <url> <limit as JSON> <tenant> <milliseconds> <mode>`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limit } from '@cortex-governance/core';
import { createRedisLimiter } from '../../src/index.ts';
import { call, nextId, requestOf, ruleOf } from './support.ts';

const [url = '', limitText = '', tenant = '', runMs = '0', mode = ''] = process.argv.slice(2);
const limiter = await createRedisLimiter({ url, timeoutMs: 5000 });
const rule = ruleOf(JSON.parse(limitText) as Limit);
const units = rule.limits[0]?.kind === 'budget' ? rule.limits[0].perCall : 1;
const admitted: string[] = [];
const tell = (text: string): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });

await tell('ready\n');
await new Promise((resolve) => {
  process.stdin.once('data', resolve);
});
const endMs = performance.now() + Number(runMs);
while (performance.now() < endMs) {
  if ((await call(limiter, rule, requestOf(tenant), nextId())) === 0) {
    admitted.push(`${process.hrtime.bigint()} ${units}`);
    if (mode === 'crash' && admitted.length >= 40) {
      await tell(`${JSON.stringify(admitted)}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
  } else {
    await sleep(Math.random() * 4);
  }
}
if (mode !== 'leave open') await limiter.close();
process.stdin.destroy();
await tell(`${JSON.stringify(admitted)}\n`);
