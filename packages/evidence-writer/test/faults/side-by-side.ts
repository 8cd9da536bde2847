/** Children that run at once: what a small machine has cores for. */
const WORKERS = 2;

/** Runs every task, a few at a time, and rejects with the first failure once all that started have ended. */
export async function sideBySide<T>(
  tasks: readonly T[],
  run: (task: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | null = null;
  const work = async (): Promise<void> => {
    while (failure === null && next < tasks.length) {
      const index = next;
      next += 1;
      try {
        await run(tasks[index] as T, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  const found = failure as { readonly error: unknown } | null;
  if (found !== null) throw found.error;
}
