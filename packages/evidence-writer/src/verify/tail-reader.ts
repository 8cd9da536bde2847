import { encodeBundle } from '../entry-bundle.ts';
import type { FaultBook } from '../fault-book.ts';
import type { JournalCursor } from '../journal-cursor.ts';
import { JOURNAL_FOLDER } from '../log-layout.ts';
import { TILE_WIDTH } from '../tile-path.ts';
import type { EntryGroup } from './entry-audit.ts';
import { PREFIX_BYTES, recordBytes } from './entry-file.ts';

interface Place {
  readonly file: string;
  readonly offset: number;
}

/** Groups the records that only the journal has as the bundles that they will be in. */
export class TailReader {
  readonly #journal: JournalCursor;
  readonly #book: FaultBook;
  readonly #signedSize: number;

  /** @param journal stands behind the records under the checkpoint, once they were read. */
  constructor(journal: JournalCursor, book: FaultBook, signedSize: number) {
    this.#journal = journal;
    this.#book = book;
    this.#signedSize = signedSize;
  }

  /** The next group that has no record under the checkpoint; empty at the journal's end. */
  next(index: number): Promise<EntryGroup> {
    return this.fill(emptyGroup(index));
  }

  /** The group with the journal's records behind its own, up to 256. */
  async fill(group: EntryGroup): Promise<EntryGroup> {
    const records: Buffer[] = group.offsets.map((_, i) => recordBytes(group, i));
    const places: Place[] = [];
    if (this.#isBehindGap()) return group;
    for (let next = this.#journal.current; next !== null; next = this.#journal.current) {
      if (records.length === TILE_WIDTH) break;
      records.push(next.record);
      places.push(next);
      const moving = this.#journal.advance();
      if (moving !== undefined) await moving;
    }
    return places.length === 0 ? group : regroup(group, records, places);
  }

  /** Whether records are missing between the checkpoint and the journal's first. */
  #isBehindGap(): boolean {
    const { start } = this.#journal;
    if (start === null || start <= this.#signedSize) return false;
    const problem = `records ${this.#signedSize} to ${start - 1} are missing`;
    this.#book.add('other', {
      index: this.#signedSize,
      file: JOURNAL_FOLDER,
      offset: null,
      problem,
    });
    return true;
  }
}

/** The group of a bundle of which nothing was read. */
export function emptyGroup(index: number): EntryGroup {
  const bytes = Buffer.alloc(0);
  return { index, bytes, offsets: [], end: 0, source: null, complete: true, placeOf: null };
}

function regroup(
  group: EntryGroup,
  records: readonly Buffer[],
  places: readonly Place[],
): EntryGroup {
  const own = group.offsets.length;
  const offsets: number[] = [];
  let end = 0;
  for (const record of records) {
    offsets.push(end);
    end += PREFIX_BYTES + record.length;
  }
  const placeOf = (i: number): Place => {
    const place = places[i - own];
    return place ?? { file: group.source?.path ?? '', offset: offsets[i] ?? 0 };
  };
  return { ...group, bytes: encodeBundle(records), offsets, end, placeOf };
}
