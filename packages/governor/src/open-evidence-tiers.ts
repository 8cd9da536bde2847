import type { FollowedLogs, TierFollower } from '@cortex-governance/evidence-writer/warm';
import { findEvidenceIndex, openEvidenceArchive } from './evidence-tier-address.ts';
import type { Opening } from './opening.ts';

/** The tiers that follow the evidence log. */
export interface EvidenceTiers {
  readonly followers: readonly TierFollower[];
  /** Folder of the log that this process writes; null before it is open. */
  own: string | null;
}

/**
 * Starts to follow the evidence logs into the tiers that the configuration names. They are opened in the
 * background and tried again for as long as they fail: neither a start nor a decision waits for one. Opened
 * before the log, so that they end after it, and hold what it wrote last.
 */
export async function openEvidenceTiers(opening: Opening): Promise<EvidenceTiers> {
  const followers: TierFollower[] = [];
  const tiers: EvidenceTiers = { followers, own: null };
  const dir = opening.paths.evidenceDir;
  const followed = (others: boolean): FollowedLogs => ({ dir, own: () => tiers.own, others });
  const { warm, cold } = opening.config.evidence;
  if (warm !== undefined) followers.push(await openWarm(opening, followed));
  if (cold !== undefined) followers.push(await openCold(opening, followed));
  opening.cleanup.add(async () => {
    await Promise.all(followers.map((follower) => follower.close()));
  });
  return tiers;
}

async function openWarm(
  { config, paths, clock, logger }: Opening,
  followed: (others: boolean) => FollowedLogs,
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
    logs: tier.followedLogs(followed(isEmbedded)),
    clock,
    logger,
  });
}

async function openCold(
  { config, paths, clock, logger }: Opening,
  followed: (others: boolean) => FollowedLogs,
): Promise<TierFollower> {
  const tier = await import('@cortex-governance/evidence-writer/cold');
  const { cold } = config.evidence;
  return tier.createArchiveFollower({
    open: () => openEvidenceArchive(paths.root, config),
    logs: tier.followedLogs(followed(false)),
    class: cold?.class,
    // A bucket's lifecycle rules do it there.
    expire: cold?.dir !== undefined,
    clock,
    logger,
  });
}
