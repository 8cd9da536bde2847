import { EMPTY_ROOT, nodeHash } from './merkle-hash.ts';

/** Told about every complete subtree of 2^level leaves, in the order in which they become complete. */
export type NodeListener = (level: number, hash: Uint8Array) => void;

/**
 * The right edge of an RFC 6962 tree: enough to append leaves and to know the root, in memory that
 * grows with the logarithm of the size.
 */
export class CompactRange {
  /** By level: the root of a complete subtree of 2^level leaves, where the size has that bit. */
  readonly #nodes: (Uint8Array | null)[] = [];
  #size = 0;

  /**
   * The range of a tree of `size` leaves from the roots of its complete subtrees.
   * @param nodeAt gives the root of the complete subtree of 2^level leaves that ends the part of the
   * tree which is a multiple of 2^level; asked only for levels whose bit is set in `size`.
   */
  static restore(size: number, nodeAt: (level: number) => Uint8Array): CompactRange {
    const range = new CompactRange();
    range.#size = size;
    for (let rest = size, level = 0; rest > 0; rest = Math.floor(rest / 2), level += 1) {
      range.#nodes[level] = rest % 2 === 1 ? nodeAt(level) : null;
    }
    return range;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends the hash of one leaf. */
  append(leaf: Uint8Array, onNode?: NodeListener): void {
    let hash = leaf;
    let level = 0;
    onNode?.(0, leaf);
    for (let left = this.#nodes[level]; left; left = this.#nodes[level]) {
      hash = nodeHash(left, hash);
      this.#nodes[level] = null;
      level += 1;
      onNode?.(level, hash);
    }
    this.#nodes[level] = hash;
    this.#size += 1;
  }

  /** The tree's root; `EMPTY_ROOT` without leaves. */
  root(): Uint8Array {
    let root: Uint8Array | null = null;
    for (const node of this.#nodes) {
      if (node) root = root === null ? node : nodeHash(node, root);
    }
    return root ?? EMPTY_ROOT;
  }
}
