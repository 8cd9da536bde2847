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
 * Returns the function that ends this, and resolves when nothing is being erased.
 */
export function keepRetention(parts: RetentionParts): () => Promise<void> {
  let running: Promise<void> | null = null;
  const look = (): void => {
    running ??= eraseOld(parts).finally(() => {
      running = null;
    });
  };
  const timer = setInterval(look, parts.checkMs);
  timer.unref();
  // For processes that do not live until the first interval; not in the way of the start.
  const first = setImmediate(look);
  return async () => {
    clearInterval(timer);
    clearImmediate(first);
    await running;
  };
}

async function eraseOld({ evidence, days, clock, logger }: RetentionParts): Promise<void> {
  const { dir } = evidence.status();
  try {
    const { records } = await evidence.erase({
      select: { before: Math.max(0, Math.trunc(clock.wallMs() - days * MS_PER_DAY)) },
      by: 'retention',
      reason: `older than ${days} days`,
    });
    if (records > 0) logger.info('EVIDENCE_RETENTION_APPLIED', { dir, records, days });
  } catch (error) {
    logger.error('EVIDENCE_RETENTION_FAILED', { dir, problem: errorMessage(error) });
  }
}
