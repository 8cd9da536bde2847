import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerdict, toolCall, VerdictIdSource } from '@cortex-governance/core';
import { createEvidenceWriter } from '../src/index.ts';

/*
 * Records a second verified, in one thread and in several; the best of three runs, the start of the
 * threads in it. The processor's time for a record tells more on a machine that others use, too.
 */

const RECORDS = 200_000;
const GOAL = '200000 records/s';

interface Measured {
  readonly records: number;
  readonly seconds: number;
  /** Processor time of all threads, in microseconds. */
  readonly perRecord: number;
  readonly bytes: number;
}

const root = mkdtempSync(join(tmpdir(), 'evidence-verify-bench-'));

async function writeLog(): Promise<void> {
  const ids = new VerdictIdSource();
  const writer = await createEvidenceWriter({ dir: root });
  for (let n = 0; n < RECORDS; n += 1) {
    const request = toolCall({
      tenant: 'acme',
      agent: 'agent-1',
      tool: 'git-map',
      action: 'search',
      args: { repo: 'cortex-os', path: `packages/core/src/file-${n}.ts`, limit: 20 },
      callId: `call-${n}`,
    });
    const id = ids.next(Date.now());
    writer.appendDecision(request, createVerdict(id, 'ALLOWED', 'evidence', 'a'.repeat(64)));
    if (n % 2_000 === 0) await writer.flush();
  }
  await writer.close();
}

function measure(workers: number): Measured {
  const threads = join(import.meta.dirname, '../test/fixtures/threads-read-typescript.mjs');
  const script = join(import.meta.dirname, 'verify-once.ts');
  const condition = '--conditions=@cortex-governance/source';
  const args = ['--import', 'tsx', '--import', threads, condition, script];
  const output = execFileSync(process.execPath, [...args, join(root, 'default'), String(workers)]);
  return JSON.parse(String(output)) as Measured;
}

function print(name: string, measured: Measured): void {
  if (measured.records !== RECORDS) throw new Error(`wrong answer: ${measured.records} records`);
  const rate = `${Math.round(measured.records / measured.seconds)} records/s`;
  const more = `${measured.perRecord.toFixed(1)} µs cpu each, ${Math.round(measured.bytes / 1e6)} MB`;
  process.stdout.write(
    `${name.padEnd(30)} ${more.padEnd(24)} ${rate.padStart(18)}   goal ${GOAL}\n`,
  );
}

try {
  await writeLog();
  print('verify, one thread', measure(0));
  const threads = Math.min(4, Math.max(2, availableParallelism()));
  print(`verify, ${threads} threads`, measure(threads));
} finally {
  rmSync(root, { recursive: true, force: true });
}
