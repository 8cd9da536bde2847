import type { TierProgress } from './tier-follower.ts';

/** Follows one log; returns the records taken over. @param note is told how far behind the log is, whenever that is known. */
export type FollowLog = (folder: string, note: (behindRecords: number) => void) => Promise<number>;

/** Why the tier as a whole cannot be used now. */
export interface Outage {
  readonly error: unknown;
}

/** What a promise rejects with; null when it does not. */
export async function outageOf(work: Promise<void>): Promise<Outage | null> {
  try {
    await work;
    return null;
  } catch (error) {
    return { error };
  }
}

/** Goes through logs one by one: one that fails does not keep the others from being followed. */
export class LogRounds {
  /** Records behind by folder, as of the last look. */
  readonly #behind = new Map<string, number>();

  /** @param outage while there is one, logs are only looked at, for how far behind they are. */
  async run(
    folders: readonly string[],
    signal: AbortSignal,
    outage: Outage | null,
    follow: FollowLog,
  ): Promise<TierProgress> {
    const errors: unknown[] = [];
    let followed = 0;
    let taken = 0;
    for (const folder of this.#behind.keys()) {
      if (!folders.includes(folder)) this.#behind.delete(folder);
    }
    for (const folder of folders) {
      if (signal.aborted) break;
      try {
        taken += await follow(folder, (behind) => this.#behind.set(folder, Math.max(0, behind)));
        followed += 1;
      } catch (error) {
        errors.push(error);
      }
    }
    const behindRecords = [...this.#behind.values()].reduce((sum, behind) => sum + behind, 0);
    const progress = { behindRecords, taken };
    if (outage !== null) return { ...progress, failure: { error: outage.error, isWhole: true } };
    if (errors.length === 0) return progress;
    return { ...progress, failure: { error: errors[0], isWhole: followed === 0 } };
  }
}
