import type { Effect } from '@cortex-governance/core';
import type { EvidenceRecordKind } from './evidence-record.ts';

/** Something in a log that is not as the writer left it. */
export interface EvidenceFault {
  /** Index of the first record that cannot be trusted or read; null when no record can be named. */
  readonly index: number | null;
  readonly file: string;
  /** Where in the file, in bytes; null when the file as a whole is meant. */
  readonly offset: number | null;
  readonly problem: string;
  /**
   * `torn_tail`: a crash explains it; the next start of the writer cuts it, and nothing in it was
   * acknowledged at `os` or better. `truncated`: a kept checkpoint signs more records than there are.
   * `forked`: two signed heads contradict each other, so that two logs were shown under one name.
   * `damaged`: nothing innocent explains it.
   */
  readonly kind: 'damaged' | 'torn_tail' | 'truncated' | 'forked';
}

/** How many records of which kind and, for decisions, of which effect; erased ones are of none. */
export interface EvidenceCounts {
  readonly kinds: Readonly<Record<EvidenceRecordKind, number>>;
  readonly effects: Readonly<Record<Effect, number>>;
  /** Records whose content was erased and announced as such; their hashes are still there. */
  readonly erased: number;
}

/** What {@link verifyEvidence} found. */
export interface EvidenceReport {
  /** Every byte of the log is as the writer left it, as far as the keys and the checkpoint can show. */
  readonly ok: boolean;
  readonly dir: string;
  /** From the signed checkpoint; empty when there is none that can be trusted. */
  readonly origin: string;
  /** Records that were read, with those of the unsigned tail. */
  readonly records: number;
  /** Records under the signed checkpoint. */
  readonly checkpointSize: number;
  /** Base64 root of the signed checkpoint; empty when there is none that can be trusted. */
  readonly root: string;
  /** Records in the journal that neither the log's nor a kept checkpoint signs: intact, as far as is known. */
  readonly unsignedTail: number;
  /**
   * The newest head that witnesses cosigned: its size, and by whom of the witnesses whose keys were given;
   * null when there is none. The log holds all that it signs, unless `firstFault` says otherwise.
   */
  readonly witnessed: {
    readonly size: number;
    readonly by: readonly { readonly name: string; readonly time: string }[];
  } | null;
  /** A process holds the log; faults behind its checkpoint are then not told from writing under way. */
  readonly live: boolean;
  /**
   * Where the public keys came from: `given`, or `beside` the log. With the latter the report shows that
   * the log agrees with itself, not who wrote it.
   */
  readonly keySource: 'given' | 'beside';
  /** The fault with the lowest record index; null when `ok`. */
  readonly firstFault: EvidenceFault | null;
  readonly counts: EvidenceCounts;
}
