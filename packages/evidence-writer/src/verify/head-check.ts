import type { Checkpoint } from '../checkpoint.ts';
import type { FaultBook } from '../fault-book.ts';
import { CHECKPOINT_FILE } from '../log-layout.ts';
import { EMPTY_ROOT } from '../merkle-hash.ts';

/**
 * Compares a log with the signed heads that are known of it: its own newest, and those that were kept
 * elsewhere. A log that does not hold what a kept head signs was cut back, or there are two of it.
 */
export class HeadCheck {
  readonly #checkpoint: Checkpoint;
  readonly #kept: readonly Checkpoint[];
  /** Sizes at which the root must be known, in ascending order. */
  readonly #sizes: readonly number[];
  readonly #roots = new Map<number, Uint8Array>([[0, EMPTY_ROOT]]);

  constructor(checkpoint: Checkpoint, kept: readonly Checkpoint[]) {
    this.#checkpoint = checkpoint;
    this.#kept = kept;
    const sizes = [checkpoint, ...kept].map(({ size }) => size);
    this.#sizes = [...new Set(sizes)].sort((a, b) => a - b);
  }

  /** Sizes above `start`, up to `end`, of which the root is to be told. */
  sizesWithin(start: number, end: number): readonly number[] {
    return this.#sizes.filter((size) => size > start && size <= end);
  }

  /** Tells the root of the log's first records. */
  setRoot(size: number, root: Uint8Array): void {
    this.#roots.set(size, root);
  }

  /** The records under the log's checkpoint have its root. */
  get isProven(): boolean {
    const root = this.#roots.get(this.#checkpoint.size);
    return root !== undefined && isEqual(root, this.#checkpoint.root);
  }

  /** Records that a head signs which the log agrees with. */
  signedSize(): number {
    const agreed = this.#kept.filter(({ size, root }) => {
      const known = this.#roots.get(size);
      return known !== undefined && isEqual(known, root);
    });
    return Math.max(this.#checkpoint.size, ...agreed.map(({ size }) => size));
  }

  /** @param records that the log has, with those behind its checkpoint. */
  findFaults(records: number, book: FaultBook): void {
    this.#findTwoHeads(book);
    for (const { size, root } of this.#kept) {
      if (size > records) {
        const problem = `cut back to ${records} records; the kept checkpoint has ${size}`;
        book.add('other', {
          index: records,
          file: CHECKPOINT_FILE,
          offset: null,
          problem,
          kind: 'truncated',
        });
        continue;
      }
      const known = this.#roots.get(size);
      // Of records that are not proven to be this log's nothing can be said about another.
      if (!this.isProven || known === undefined || isEqual(known, root)) continue;
      addFork(
        book,
        `forked: the first ${size} records have root ${base64(known)}; the kept checkpoint says ${base64(root)}`,
      );
    }
  }

  /** Two heads of one size and with different roots prove a fork, whatever the records are. */
  #findTwoHeads(book: FaultBook): void {
    const roots = new Map<number, Uint8Array>();
    for (const { size, root } of [this.#checkpoint, ...this.#kept]) {
      const other = roots.get(size);
      if (other === undefined) roots.set(size, root);
      else if (!isEqual(root, other)) {
        addFork(
          book,
          `forked: ${size} records are signed with root ${base64(other)} and with root ${base64(root)}`,
        );
      }
    }
  }
}

function addFork(book: FaultBook, problem: string): void {
  book.add('other', { index: null, file: CHECKPOINT_FILE, offset: null, problem, kind: 'forked' });
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function base64(root: Uint8Array): string {
  return Buffer.from(root).toString('base64');
}
