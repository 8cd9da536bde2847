import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@cortex-governance/core';
import { createGovernor } from '@cortex-governance/governor';
import { Bench } from 'tinybench';
import { createModelGateway } from '../src/index.ts';

/*
 * What the gateway adds to a model call: the same call to the same upstream on loopback, directly and
 * through `handle`, one after the other in one run. Evidence is `accepted`, so that the disk is not
 * measured; the upstream answers at once.
 */

/** Most milliseconds (median) that the gateway may add. */
const GOAL_ADDED_MS = 1;

const CONFIG = `version: 1
grants: { watch: false }
killSwitch: { watch: false }
evidence: { durability: accepted, whenFull: gap }
`;
const GRANT = {
  tool: 'model-gateway',
  actions: ['chat'],
  args: { model: { type: 'string', enum: ['small'] }, stream: { type: 'boolean' } },
  rate: { perMinute: 1_000_000 },
};
const ANSWER = JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'hello' } }] });
const INIT = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'small', messages: [{ role: 'user', content: 'x'.repeat(2000) }] }),
};

const folder = await mkdtemp(join(tmpdir(), 'bench-gateway-'));
const root = join(folder, '.cortex');
await mkdir(join(root, 'policy', 'tools'), { recursive: true });
await writeFile(join(root, 'governance.yaml'), CONFIG);
await writeFile(join(root, 'policy', 'tools', 'model-gateway.json'), JSON.stringify(GRANT));
const governor = await createGovernor({ root, logger: silentLogger });
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
const gateway = createModelGateway({ governor, upstream });

async function direct(): Promise<string> {
  return (await fetch(`${upstream}/chat/completions`, INIT)).text();
}

async function governed(): Promise<string> {
  const request = new Request('http://gateway.test/v1/chat/completions', INIT);
  return (await gateway.handle(request, { tenant: 'default', agent: 'bench' })).text();
}

async function check(): Promise<void> {
  if ((await direct()) !== ANSWER) throw new Error('wrong answer: the upstream');
  if ((await governed()) !== ANSWER) throw new Error('wrong answer: the gateway');
}

try {
  await check();
  const bench = new Bench({ time: 3000, warmupTime: 1000 });
  bench.add('direct', async () => void (await direct()));
  bench.add('through the gateway', async () => void (await governed()));
  await bench.run();
  const medians = bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name}: ${result.state}`);
    const { p50, p99 } = result.latency;
    process.stdout.write(`${name}: p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms\n`);
    return p50;
  });
  const added = (medians[1] ?? 0) - (medians[0] ?? 0);
  process.stdout.write(`added (p50): ${added.toFixed(3)} ms; goal <= ${GOAL_ADDED_MS} ms\n`);
  await check();
} finally {
  server.closeAllConnections();
  server.close();
  await governor.close();
  await rm(folder, { recursive: true, force: true });
}
