import { join } from 'node:path';
import { FRAME_HEADER_BYTES } from './journal-frame.ts';
import { segmentName } from './journal-reader.ts';
import type { AppendFile, LogFiles } from './log-files.ts';

interface Segment {
  readonly path: string;
  readonly file: AppendFile;
  bytes: number;
  /** Index after the last record in it. */
  end: number;
}

/**
 * The append-only files in which records become durable first. The caller writes one frame at a time
 * and MUST NOT go on after a rejection.
 */
export class Journal {
  readonly #files: LogFiles;
  readonly #folder: string;
  readonly #segmentBytes: number;
  #current: Segment | null = null;
  /** Closed segments, oldest first. */
  #closed: Segment[] = [];

  /** @param segmentBytes a frame that would grow a segment beyond this starts a new one. */
  constructor(files: LogFiles, folder: string, segmentBytes: number) {
    this.#files = files;
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
  }

  /** The file that is written; the folder before the first frame. */
  get path(): string {
    return this.#current?.path ?? this.#folder;
  }

  /** Hands a whole frame to the operating system. */
  async write(frame: Uint8Array, firstIndex: number, count: number): Promise<void> {
    const segment = await this.#segmentFor(frame.length, firstIndex);
    let rest = frame;
    while (rest.length > 0) {
      const written = await segment.file.write(rest);
      if (!(written > 0 && written <= rest.length)) throw new Error(`write returned ${written}`);
      rest = rest.subarray(written);
    }
    segment.bytes += frame.length;
    segment.end = firstIndex + count;
  }

  /** Returns when everything written is on the device. */
  async sync(): Promise<void> {
    await this.#current?.file.datasync();
  }

  /** Removes closed segments whose records are all below `size`. */
  async removeCovered(size: number): Promise<void> {
    while (this.#closed[0] !== undefined && this.#closed[0].end <= size) {
      await this.#files.remove(this.#closed[0].path);
      this.#closed.shift();
    }
  }

  /** Closes the current segment; {@link removeCovered} then applies to it too. */
  async close(): Promise<void> {
    const segment = this.#current;
    this.#current = null;
    if (segment === null) return;
    this.#closed.push(segment);
    await segment.file.close();
  }

  async #segmentFor(bytes: number, firstIndex: number): Promise<Segment> {
    const current = this.#current;
    if (current !== null && (current.bytes === 0 || current.bytes + bytes <= this.#segmentBytes)) {
      return current;
    }
    await this.close();
    const path = join(this.#folder, segmentName(firstIndex));
    const file = await this.#files.createAppendFile(path);
    const segment = { path, file, bytes: 0, end: firstIndex };
    this.#current = segment;
    await this.#files.syncFolder(this.#folder);
    return segment;
  }
}

/** Smallest segment size that makes sense, in bytes: room for a frame's header and one short record. */
export const MIN_SEGMENT_BYTES = FRAME_HEADER_BYTES + 4096;
