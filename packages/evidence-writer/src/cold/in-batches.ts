/** Objects that are read and written together. */
const BATCH = 8;

/** Does something for each index below a count, a few at a time. */
export async function inBatches(
  count: number,
  each: (index: number) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < count; start += BATCH) {
    const size = Math.min(BATCH, count - start);
    await Promise.all(Array.from({ length: size }, (_, i) => each(start + i)));
  }
}
