/** A run of leaves: `start` is in it, `end` is not. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** The largest power of two below a number of leaves that is at least 2 (RFC 6962 section 2.1). */
export function splitPoint(leaves: number): number {
  let power = 1;
  while (power * 2 < leaves) power *= 2;
  return power;
}

/** Which subtrees an inclusion proof names, from the leaf's sibling to the root's child (section 2.1.1). */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/** Which subtrees a consistency proof names, from the bottom up (section 2.1.2); 0 < size1 <= size2. */
export function consistencyRanges(size1: number, size2: number): readonly LeafRange[] {
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size2;
  while (size1 !== end) {
    const middle = start + splitPoint(end - start);
    if (size1 <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // Who checks the proof has the root of a subtree that starts the tree: it is the older root.
  if (start !== 0) ranges.push({ start, end });
  return ranges.reverse();
}
