import type { CheckScope } from '../fault-book.ts';
import { TILE_WIDTH } from '../tile-path.ts';
import { type BundleFindings, EntryAudit, type EntryFindings } from './entry-audit.ts';

/** Full entry bundles that are checked in one go: enough to outweigh a message between threads. */
export const BATCH_BUNDLES = 16;

/** Full entry bundles that follow each other. */
export interface BundleBatch {
  readonly first: number;
  readonly count: number;
}

/** What was found in a batch. Ends with the bundle that could not be read to its end, if any. */
export interface BatchFindings extends EntryFindings {
  readonly bundles: readonly BundleFindings[];
}

/** Checks full bundles under the checkpoint, one after the other. */
export function checkBatch(scope: CheckScope, batch: BundleBatch): BatchFindings {
  const audit = new EntryAudit(scope);
  const bundles: BundleFindings[] = [];
  for (let index = batch.first; index < batch.first + batch.count; index += 1) {
    const { group, isCut } = audit.read(index, TILE_WIDTH);
    bundles.push(audit.check(group, isCut));
    if (isCut) break;
  }
  return { bundles, ...audit.findings() };
}
