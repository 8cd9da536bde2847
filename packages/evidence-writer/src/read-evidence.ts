import { join, resolve } from 'node:path';
import { readRecords } from './bundle-reader.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { corruptEvidence } from './corrupt-evidence.ts';
import type { EvidenceRecord } from './evidence-record.ts';
import { readJournal } from './journal-reader.ts';
import { CHECKPOINT_FILE, JOURNAL_FOLDER } from './log-layout.ts';
import { readLogFile } from './read-log-file.ts';
import { parseRecord } from './record-parser.ts';
import { MAX_NOTE_BYTES } from './signed-note.ts';
import { TILE_WIDTH } from './tile-path.ts';

/** Options of {@link readEvidence}. */
export interface ReadEvidenceOptions {
  /** Index of the first record to read. @defaultValue 0 */
  readonly from?: number;
}

/**
 * The records of a log in order, those behind the checkpoint too; works while the log is written, and
 * then ends at some record that was the last at some moment. Leaves out what was erased. Checks form, not
 * truth: no hash and no signature. That is `verifyEvidence`'s job.
 * @param dir the log's folder.
 * @throws {GovernanceError} EVIDENCE_CORRUPT for a record or file that cannot be read.
 */
export async function* readEvidence(
  dir: string,
  options: ReadEvidenceOptions = {},
): AsyncGenerator<EvidenceRecord> {
  const folder = resolve(dir);
  let next = options.from ?? 0;
  for (;;) {
    const size = await checkpointSize(folder);
    while (next < size) {
      const start = next - (next % TILE_WIDTH);
      const width = Math.min(size - start, TILE_WIDTH);
      const records = await readRecords(folder, start / TILE_WIDTH, width);
      for (const record of records.slice(next - start)) {
        // Of an erased record nothing but its hash is there.
        if (record.length > 0) yield parse(record, next, folder);
        next += 1;
      }
    }
    const found = { start: next };
    for await (const record of readTail(folder, next, found)) {
      yield parse(record, next, folder);
      next += 1;
    }
    // A writer may have moved records from the journal to the tiles between the two reads.
    if ((await checkpointSize(folder)) > next) continue;
    if (found.start <= next) return;
    throw corruptEvidence(
      join(folder, JOURNAL_FOLDER),
      'start',
      `records from ${next} on are missing`,
    );
  }
}

/** Records of the journal from an index on. @param found is told the index of the journal's first. */
async function* readTail(
  folder: string,
  from: number,
  found: { start: number },
): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const { frame, fault } of readJournal(join(folder, JOURNAL_FOLDER))) {
    if (isFirst) found.start = frame?.firstIndex ?? fault?.index ?? from;
    isFirst = false;
    if (found.start > from || fault?.torn === true) return;
    if (fault !== null) throw corruptEvidence(fault.file, `byte ${fault.offset}`, fault.problem);
    yield* frame.records.slice(Math.max(0, from - frame.firstIndex));
  }
}

async function checkpointSize(folder: string): Promise<number> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) throw corruptEvidence(file, 'file', 'missing');
  return parseCheckpoint(note.toString(), file).size;
}

function parse(bytes: Buffer, index: number, folder: string): EvidenceRecord {
  const { record, problem } = parseRecord(bytes, index);
  if (record === null) throw corruptEvidence(folder, `record ${index}`, problem);
  return record;
}
