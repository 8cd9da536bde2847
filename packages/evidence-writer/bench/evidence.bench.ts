import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createVerdict,
  type DecisionRequest,
  toolCall,
  VerdictIdSource,
} from '@cortex-governance/core';
import { Bench } from 'tinybench';
import { createEvidenceWriter, type EvidenceLog } from '../src/index.ts';

/*
 * What evidence costs: appending on the request path, records a second to disk and under a checkpoint.
 * Answers are checked before they are timed. What verifying costs: verify.bench.ts.
 */

const RECORDS = 50_000;
const WAITERS = 512;

const ids = new VerdictIdSource();
const root = mkdtempSync(join(tmpdir(), 'evidence-bench-'));

function request(n: number): DecisionRequest {
  return toolCall({
    tenant: 'acme',
    agent: 'agent-1',
    tool: 'git-map',
    action: 'search',
    args: { repo: 'cortex-os', path: `packages/core/src/file-${n}.ts`, limit: 20 },
    callId: `call-${n}`,
  });
}

function verdict(): ReturnType<typeof createVerdict> {
  return createVerdict(ids.next(Date.now()), 'ALLOWED', 'evidence', 'a'.repeat(64));
}

function line(name: string, value: string, goal: string): void {
  process.stdout.write(`${name.padEnd(52)} ${value.padStart(22)}   goal ${goal}\n`);
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}

async function open(name: string, more: object = {}): Promise<EvidenceLog> {
  return createEvidenceWriter({ dir: root, name, ...more });
}

async function benchAppend(): Promise<void> {
  // Never drained while it is timed: what is measured is the caller's part alone.
  const writer = await open('append', {
    groupRecords: 1e9,
    maxQueueRecords: 1e8,
    maxQueueBytes: 1e12,
  });
  const asked = request(1);
  const answered = verdict();
  assert(writer.appendDecision(asked, answered) > 0, 'append is taken');
  const bench = new Bench({ iterations: 20_000, time: 0, warmupIterations: 2_000, warmupTime: 0 });
  bench.add('append', () => {
    writer.appendDecision(asked, answered);
  });
  await bench.run();
  const latency = bench.tasks[0]?.result as unknown as { latency: { p50: number; p99: number } };
  const { p50, p99 } = latency.latency;
  line(
    'append, three arguments',
    `p50 ${(p50 * 1e6).toFixed(0)} p99 ${(p99 * 1e6).toFixed(0)} ns`,
    '1000 ns',
  );
  await writer.close();
}

async function benchDisk(): Promise<void> {
  const writer = await open('disk');
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < RECORDS) {
      next += 1;
      await writer.durable(writer.appendDecision(request(next), verdict()), 'disk');
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: WAITERS }, lane));
  const seconds = (performance.now() - start) / 1000;
  assert(writer.status().records === RECORDS, 'every record is in the log');
  line(
    `to disk, ${WAITERS} waiters`,
    `${Math.round(RECORDS / seconds)} records/s`,
    '50000 records/s',
  );
  await writer.close();
}

async function benchCheckpoint(): Promise<void> {
  const writer = await open('checkpoint');
  const start = performance.now();
  for (let done = 0; done < RECORDS; done += 1_000) {
    for (let i = 0; i < 1_000; i += 1) writer.appendDecision(request(i), verdict());
    await new Promise((resolve) => setImmediate(resolve));
    while (writer.status().queuedRecords > 20_000)
      await new Promise((resolve) => setImmediate(resolve));
  }
  await writer.flush();
  const seconds = (performance.now() - start) / 1000;
  assert(writer.status().checkpointed === RECORDS, 'every record is under the checkpoint');
  line('under a checkpoint', `${Math.round(RECORDS / seconds)} records/s`, '10000 records/s');
  await writer.close();
}

try {
  await benchAppend();
  await benchDisk();
  await benchCheckpoint();
} finally {
  rmSync(root, { recursive: true, force: true });
}
