import { errorMessage } from '@cortex-governance/core';
import { type JournalFault, type JournalFrame, readJournal } from './journal-reader.ts';

/** A record of the journal and where its frame is. */
export interface JournalRecord {
  readonly index: number;
  readonly record: Buffer;
  readonly file: string;
  readonly offset: number;
}

/** The journal's records one after the other, for comparing them with the log's. */
export class JournalCursor {
  readonly #frames: AsyncGenerator<JournalFrame>;
  readonly #folder: string;
  #frame: JournalFrame | null = null;
  /** Place of the cursor in the frame. */
  #at = 0;
  #fault: JournalFault | null = null;
  #start: number | null = null;
  #end: number | null = null;

  constructor(folder: string) {
    this.#folder = folder;
    this.#frames = this.#read();
  }

  /** The record at the cursor; null at the end. */
  get current(): JournalRecord | null {
    const record = this.#frame?.records[this.#at];
    if (this.#frame === null || record === undefined) return null;
    const { firstIndex, file, offset } = this.#frame;
    return { index: firstIndex + this.#at, record, file, offset };
  }

  /** Why the journal ended before its last byte; null when it did not, or has not ended. */
  get fault(): JournalFault | null {
    return this.#fault;
  }

  /** Index of the first record, or of the one that could not be read; null for an empty journal. */
  get start(): number | null {
    return this.#start;
  }

  /** Index after the last record that was reached; null for an empty journal. */
  get end(): number | null {
    return this.#end;
  }

  /** Moves to the next record; at first to the first. A promise only where the disk must be asked. */
  advance(): Promise<void> | undefined {
    this.#at += 1;
    if (this.#frame !== null && this.#at < this.#frame.records.length) {
      this.#end = this.#frame.firstIndex + this.#at + 1;
      return undefined;
    }
    return this.#nextFrame();
  }

  async #nextFrame(): Promise<void> {
    do {
      const step = await this.#frames.next();
      this.#frame = step.done === true ? null : step.value;
    } while (this.#frame !== null && this.#frame.records.length === 0);
    this.#at = 0;
    if (this.#frame !== null) this.#end = this.#frame.firstIndex + 1;
  }

  async *#read(): AsyncGenerator<JournalFrame> {
    try {
      for await (const { frame, fault } of readJournal(this.#folder)) {
        this.#start ??= fault?.index ?? frame?.firstIndex ?? null;
        this.#end ??= this.#start;
        if (fault !== null) this.#fault = fault;
        if (frame === null) return;
        yield frame;
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
