import { type Clock, errorMessage, type Logger } from '@cortex-governance/core';
import type { EvidenceLog } from '@cortex-governance/evidence-writer';

const MS_PER_DAY = 86_400_000;

/** What keeps a log within its retention. */
interface RetentionParts {
  readonly evidence: EvidenceLog;
  /** Decisions older than this lose their content. */
  readonly days: number;
  readonly checkMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Erases what is past its retention, now and at intervals. A failure is logged and tried again at the next.
 * Returns the function that ends this. An erasure under way is left to the log: closing it ends the erasure
 * at the next bundle, and the next start goes on.
 */
export function keepRetention(parts: RetentionParts): () => void {
  let running = false;
  let ended = false;
  const look = async (): Promise<void> => {
    if (running) return;
    running = true;
    const { error } = await eraseOld(parts);
    running = false;
    if (error !== null && !ended) reportFailure(parts, error);
  };
  const timer = setInterval(look, parts.checkMs);
  timer.unref();
  // For processes that do not live until the first interval; not in the way of the start.
  const first = setImmediate(look);
  return () => {
    ended = true;
    clearInterval(timer);
    clearImmediate(first);
  };
}

async function eraseOld(parts: RetentionParts): Promise<{ readonly error: unknown }> {
  const { evidence, days, clock, logger } = parts;
  try {
    const { records } = await evidence.erase({
      select: { before: Math.max(0, Math.trunc(clock.wallMs() - days * MS_PER_DAY)) },
      by: 'retention',
      reason: `older than ${days} days`,
    });
    const { dir } = evidence.status();
    if (records > 0) logger.info('EVIDENCE_RETENTION_APPLIED', { dir, records, days });
    return { error: null };
  } catch (error) {
    return { error };
  }
}

function reportFailure({ evidence, logger }: RetentionParts, error: unknown): void {
  const { dir } = evidence.status();
  logger.error('EVIDENCE_RETENTION_FAILED', { dir, problem: errorMessage(error) });
}
