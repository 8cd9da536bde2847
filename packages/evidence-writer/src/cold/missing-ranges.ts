import type { RecordRange } from '../erasure-announcement.ts';
import { TILE_WIDTH } from '../tile-path.ts';

/** What the tree lacks of so many full bundles, as records. @param written indexes of bundles, in order. */
export function gapsBetween(written: readonly number[], count: number): readonly RecordRange[] {
  const gaps: RecordRange[] = [];
  let next = 0;
  for (const index of [...written, count]) {
    if (index > next) gaps.push([next * TILE_WIDTH, index * TILE_WIDTH]);
    next = index + 1;
  }
  return gaps;
}
