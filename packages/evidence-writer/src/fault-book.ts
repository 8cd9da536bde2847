import { isAbsolute, join } from 'node:path';
import type { EvidenceFault } from './evidence-report.ts';

/**
 * What a fault was found by. `entry`: a record that cannot be read, or whose hash is not the one in its
 * tile. `tile`: a hash tile. `other`: journal, left-over files, content of records.
 */
export type FaultClass = 'entry' | 'tile' | 'other';

/** A fault to be kept: its file may be named below the log's folder. */
export interface FoundFault extends Omit<EvidenceFault, 'kind'> {
  /** @defaultValue `damaged` */
  readonly kind?: EvidenceFault['kind'];
}

/** The first faults of every class, in a form that can be sent to another thread. */
export type FirstFaults = readonly (readonly [FaultClass, EvidenceFault])[];

/** Which log is checked, and which of its records are under the signed checkpoint. */
export interface CheckScope {
  readonly folder: string;
  readonly signedSize: number;
  /** Whether a process may be writing: what is behind the checkpoint is then not told from work under way. */
  readonly live: boolean;
}

/** Keeps the first fault of every class, so that a damaged log costs no more memory than a whole one. */
export class FaultBook {
  readonly #first = new Map<FaultClass, EvidenceFault>();
  readonly #scope: CheckScope;

  constructor(scope: CheckScope) {
    this.#scope = scope;
  }

  add(faultClass: FaultClass, found: FoundFault): void {
    const { folder } = this.#scope;
    const { index, file, offset, problem, kind = 'damaged' } = found;
    if (this.#isExcused(index, kind)) return;
    const path = isAbsolute(file) ? file : join(folder, file);
    const first = this.#first.get(faultClass);
    // Made anew: only these members, in this order.
    const fault = { index, file: path, offset, problem, kind };
    if (first === undefined || rank(fault) < rank(first)) this.#first.set(faultClass, fault);
  }

  addAll(faults: FirstFaults): void {
    for (const [faultClass, fault] of faults) this.add(faultClass, fault);
  }

  /** Index of the first record that cannot be read or has another hash than its tile says. */
  firstEntry(): number | null {
    return this.#first.get('entry')?.index ?? null;
  }

  /** The first fault of every class that has one. */
  firsts(): FirstFaults {
    return [...this.#first];
  }

  /**
   * The first fault. When the records have the signed root they are beyond doubt, so what disagrees with
   * them is wrong; when they have not, what disagrees first tells which record is.
   */
  first(recordsProven: boolean): EvidenceFault | null {
    const entry = this.#first.get('entry') ?? null;
    const tile = this.#first.get('tile') ?? null;
    const other = this.#first.get('other') ?? null;
    if (recordsProven) return lower(tile, other);
    return lower(entry, other) ?? tile;
  }

  #isExcused(index: number | null, kind: EvidenceFault['kind']): boolean {
    const { live, signedSize } = this.#scope;
    const isOfWriting = kind === 'damaged' || kind === 'torn_tail';
    return live && isOfWriting && index !== null && index >= signedSize;
  }
}

function lower(a: EvidenceFault | null, b: EvidenceFault | null): EvidenceFault | null {
  if (a === null || b === null) return a ?? b;
  return rank(b) < rank(a) ? b : a;
}

function rank(fault: EvidenceFault): number {
  return fault.index ?? Number.POSITIVE_INFINITY;
}
