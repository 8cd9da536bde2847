import { errorMessage } from '@cortex-governance/core';
import { type JournalFault, readJournal } from './journal-reader.ts';

/** A record of the journal and where its frame is. */
export interface JournalRecord {
  readonly index: number;
  readonly record: Buffer;
  readonly file: string;
  readonly offset: number;
}

/** The journal's records one after the other, for comparing them with the log's. */
export class JournalCursor {
  readonly #records: AsyncGenerator<JournalRecord>;
  readonly #folder: string;
  #current: JournalRecord | null = null;
  #fault: JournalFault | null = null;
  #start: number | null = null;
  #end: number | null = null;

  constructor(folder: string) {
    this.#folder = folder;
    this.#records = this.#read();
  }

  /** The record at the cursor; null at the end. */
  get current(): JournalRecord | null {
    return this.#current;
  }

  /** Why the journal ended before its last byte; null when it did not, or has not ended. */
  get fault(): JournalFault | null {
    return this.#fault;
  }

  /** Index of the first record, or of the one that could not be read; null for an empty journal. */
  get start(): number | null {
    return this.#start;
  }

  /** Index after the last record; null for an empty journal. */
  get end(): number | null {
    return this.#end;
  }

  /** Moves to the next record; at first to the first. */
  async advance(): Promise<void> {
    const step = await this.#records.next();
    this.#current = step.done === true ? null : step.value;
  }

  async *#read(): AsyncGenerator<JournalRecord> {
    try {
      for await (const { frame, fault } of readJournal(this.#folder)) {
        this.#start ??= fault?.index ?? frame?.firstIndex ?? null;
        this.#end ??= this.#start;
        if (fault !== null) this.#fault = fault;
        if (frame === null) return;
        for (const [i, record] of frame.records.entries()) {
          this.#end = frame.firstIndex + i + 1;
          yield { index: frame.firstIndex + i, record, file: frame.file, offset: frame.offset };
        }
      }
    } catch (error) {
      this.#fault = {
        file: this.#folder,
        offset: 0,
        problem: errorMessage(error),
        torn: false,
        index: this.#end ?? 0,
      };
    }
  }
}
