import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '@cortex-governance/core';
import type { CheckScope } from '../fault-book.ts';
import { type BatchFindings, type BundleBatch, checkBatch } from './bundle-batch.ts';

/*
 * A thread of the verifier: answers batches in the order in which they arrive. Says `ready` first, so that
 * the pool knows that it could be loaded.
 */

/** What the thread answers for a batch. */
export type BatchAnswer =
  | { readonly findings: BatchFindings; readonly problem: null }
  | { readonly findings: null; readonly problem: string };

function answer(scope: CheckScope, batch: BundleBatch): BatchAnswer {
  try {
    return { findings: checkBatch(scope, batch), problem: null };
  } catch (error) {
    return { findings: null, problem: errorMessage(error) };
  }
}

const scope = workerData as CheckScope;
parentPort?.on('message', (batch: BundleBatch) => {
  const answered = answer(scope, batch);
  const moved = answered.findings?.bundles.map(({ leaves }) => leaves.buffer) ?? [];
  parentPort?.postMessage(answered, moved);
});
parentPort?.postMessage('ready');
