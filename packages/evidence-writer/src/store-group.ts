import type { RecordGroup } from './group-builder.ts';
import { encodeFrame } from './journal-frame.ts';
import type { LogWriterParts } from './log-writer-parts.ts';

/**
 * Writes a group to the journal and has it synced.
 * @param onWritten called between the two, when the operating system has all of it.
 * @returns how long the sync took, in milliseconds.
 * @throws whatever went wrong; the journal MUST NOT be written any more then.
 */
export async function storeGroup(
  parts: Pick<LogWriterParts, 'journal' | 'lock' | 'clock'>,
  group: RecordGroup,
  onWritten: () => void,
): Promise<number> {
  const { journal, lock, clock } = parts;
  const frame = encodeFrame(group.firstIndex, group.records);
  await journal.write(frame, group.firstIndex, group.records.length);
  const startMs = clock.monotonicMs();
  const syncing = journal.sync();
  // Awaited below, whatever comes before.
  syncing.catch(() => {});
  try {
    // Whoever took the log over may have removed the file that was just written.
    await lock.assertHeld();
    onWritten();
  } finally {
    await syncing;
  }
  const syncMs = clock.monotonicMs() - startMs;
  await lock.assertHeld();
  return syncMs;
}
