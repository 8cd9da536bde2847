import type { EvidenceFault } from './evidence-report.ts';

/**
 * What a fault was found by. `entry`: a record that cannot be read, or whose hash is not the one in its
 * tile. `tile`: a hash tile. `other`: journal, left-over files, content of records.
 */
export type FaultClass = 'entry' | 'tile' | 'other';

/** Keeps the first fault of every class, so that a damaged log costs no more memory than a whole one. */
export class FaultBook {
  readonly #first: Record<FaultClass, EvidenceFault | null> = {
    entry: null,
    tile: null,
    other: null,
  };
  readonly #isExcused: (fault: EvidenceFault) => boolean;

  /** @param isExcused says which faults are not to be kept. */
  constructor(isExcused: (fault: EvidenceFault) => boolean) {
    this.#isExcused = isExcused;
  }

  add(faultClass: FaultClass, fault: EvidenceFault): void {
    if (this.#isExcused(fault)) return;
    this.#first[faultClass] = lower(this.#first[faultClass], fault);
  }

  /**
   * The first fault. When the records have the signed root they are beyond doubt, so what disagrees with
   * them is wrong; when they have not, what disagrees first tells which record is.
   */
  first(recordsProven: boolean): EvidenceFault | null {
    const { entry, tile, other } = this.#first;
    if (recordsProven) return lower(tile, other);
    return lower(entry, other) ?? tile;
  }
}

function lower(a: EvidenceFault | null, b: EvidenceFault | null): EvidenceFault | null {
  if (a === null || b === null) return a ?? b;
  return rank(b) < rank(a) ? b : a;
}

function rank(fault: EvidenceFault): number {
  return fault.index ?? Number.POSITIVE_INFINITY;
}
