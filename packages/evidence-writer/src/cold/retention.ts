import type { ArchiveStore } from './archive-store.ts';

/** How long archived records are kept. */
export type RetentionClass = 'operational' | 'regulated';

/** Days by class: 90, and 7 years with their leap days. */
export const RETENTION_DAYS: Readonly<Record<RetentionClass, number>> = Object.freeze({
  operational: 90,
  regulated: 2_557,
});

export const RETENTION_CLASSES: readonly RetentionClass[] = ['operational', 'regulated'];

const DAY_MS = 86_400_000;

/** Days after which an earlier version of an object goes, where a bucket keeps versions. */
const EARLIER_VERSION_DAYS = 1;

/** One rule of a bucket's lifecycle, as S3 takes it. */
export interface LifecycleRule {
  readonly ID: string;
  readonly Status: 'Enabled';
  readonly Filter: { readonly Prefix: string };
  readonly Expiration: { readonly Days: number };
  readonly NoncurrentVersionExpiration: { readonly NoncurrentDays: number };
}

/**
 * The lifecycle of a bucket with an archive, for PutBucketLifecycleConfiguration: records go when the days of
 * their class are over; hash tiles, checkpoints and keys have no rule, and stay. In a bucket with Object
 * Lock, retain records no longer than these days; erased ones then stay until the lock ends.
 */
export function lifecycleRules(prefix = ''): { readonly Rules: readonly LifecycleRule[] } {
  return {
    Rules: RETENTION_CLASSES.map((kept) => ({
      ID: `cortex-governance-${kept}`,
      Status: 'Enabled',
      Filter: { Prefix: `${prefix}${kept}/` },
      Expiration: { Days: RETENTION_DAYS[kept] },
      NoncurrentVersionExpiration: { NoncurrentDays: EARLIER_VERSION_DAYS },
    })),
  };
}

/** Removes the records whose days are over from a store that does not do so itself. Returns their number of objects. */
export async function expireArchive(store: ArchiveStore, nowMs: number): Promise<number> {
  let expired = 0;
  for (const kept of RETENTION_CLASSES) {
    for await (const { key, storedMs } of store.list(`${kept}/`)) {
      if (nowMs - storedMs < RETENTION_DAYS[kept] * DAY_MS) continue;
      await store.delete(key);
      expired += 1;
    }
  }
  return expired;
}
