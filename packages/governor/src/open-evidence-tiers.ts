import type { EvidenceWriter } from '@cortex-governance/core';
import type {
  FollowedKeys,
  FollowedLogs,
  TierFollower,
} from '@cortex-governance/evidence-writer/warm';
import { findEvidenceIndex, openEvidenceArchive } from './evidence-tier-address.ts';
import type { Opening } from './opening.ts';

/** The tiers that follow the evidence log. */
export interface EvidenceTiers {
  readonly followers: readonly TierFollower[];
  /** The log that this process writes; null before it is open: until then none is followed. */
  own: OwnLog | null;
}

/** The log that this process writes. */
export interface OwnLog {
  readonly folder: string;
  /** Its public key, from the process that signs and not from the disk; null when no log could be opened. */
  readonly vkey: string | null;
}

/**
 * Which logs are followed, and by which keys: none before it is known which one this process writes, for that
 * one is never followed by the key on the disk.
 */
type Follow = (
  others: boolean,
  list: (logs: FollowedLogs) => () => Promise<readonly string[]>,
) => { readonly logs: () => Promise<readonly string[]>; readonly publicKeys: FollowedKeys };

/**
 * Starts to follow the evidence logs into the tiers that the configuration names. They are opened in the
 * background and tried again for as long as they fail: neither a start nor a decision waits for one. Opened
 * before the log, so that they end after it, and hold what it wrote last.
 */
export async function openEvidenceTiers(opening: Opening): Promise<EvidenceTiers> {
  const followers: TierFollower[] = [];
  const tiers: EvidenceTiers = { followers, own: null };
  const dir = opening.paths.evidenceDir;
  const followed: Follow = (others, list) => {
    const logs = list({ dir, own: () => tiers.own?.folder ?? null, others });
    return {
      logs: () => (tiers.own === null ? Promise.resolve([]) : logs()),
      publicKeys: (folder) => keysOf(tiers.own, folder),
    };
  };
  const { warm, cold } = opening.config.evidence;
  if (warm !== undefined) followers.push(await openWarm(opening, followed));
  if (cold !== undefined) followers.push(await openCold(opening, followed));
  opening.cleanup.add(async () => {
    await Promise.all(followers.map((follower) => follower.close()));
  });
  return tiers;
}

/** The log of a writer. */
export function ownLogOf(evidence: EvidenceWriter): OwnLog {
  const vkey = 'vkey' in evidence && typeof evidence.vkey === 'string' ? evidence.vkey : null;
  return { folder: evidence.status().dir, vkey };
}

function keysOf(own: OwnLog | null, folder: string): readonly string[] | undefined {
  return own?.vkey != null && own.folder === folder ? [own.vkey] : undefined;
}

async function openWarm(
  { config, paths, clock, logger }: Opening,
  followed: Follow,
): Promise<TierFollower> {
  const tier = await import('@cortex-governance/evidence-writer/warm');
  const { warm } = config.evidence;
  const isEmbedded = warm?.urlEnv === undefined && warm?.urlFile === undefined;
  return tier.createIndexFollower({
    open: async () => {
      const address = await findEvidenceIndex(paths.root, config);
      const client =
        address !== null && 'url' in address
          ? await tier.createPgClient(address)
          : await tier.createPgliteClient({ dir: address?.dir ?? '' });
      return new tier.EvidenceIndex({ client, retainDays: warm?.retainDays, clock });
    },
    ...followed(isEmbedded, tier.followedLogs),
    clock,
    logger,
  });
}

async function openCold(
  { config, paths, clock, logger }: Opening,
  followed: Follow,
): Promise<TierFollower> {
  const tier = await import('@cortex-governance/evidence-writer/cold');
  const { cold } = config.evidence;
  return tier.createArchiveFollower({
    open: () => openEvidenceArchive(paths.root, config),
    ...followed(false, tier.followedLogs),
    class: cold?.class,
    // A bucket's lifecycle rules do it there.
    expire: cold?.dir !== undefined,
    clock,
    logger,
  });
}
