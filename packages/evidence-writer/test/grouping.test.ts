import type { EvidenceGroup } from '@cortex-governance/core';
import { RecordingLogger } from '@cortex-governance/testkit';
import { describe, expect, it, vi } from 'vitest';
import type { EvidenceLog, EvidenceWriterOptions } from '../src/index.ts';
import { allowed, call, openWriter, temporaryFolder } from './support.ts';

/** For a disk that is busy with something else. */
const WAIT = { timeout: 10_000 };

/** Longer than any test takes: what it bounds never happens. */
const NEVER_MS = 1_000_000;

async function open(
  options: Partial<EvidenceWriterOptions>,
): Promise<{ writer: EvidenceLog; groups: EvidenceGroup[] }> {
  const writer = await openWriter({
    dir: await temporaryFolder(),
    groupRecords: 1_000,
    groupBytes: 1_000_000,
    groupMaxAgeMs: NEVER_MS,
    groupIdleMs: NEVER_MS,
    ...options,
  });
  const groups: EvidenceGroup[] = [];
  writer.onGroup((group) => groups.push(group));
  return { writer, groups };
}

function append(writer: EvidenceLog, count: number): void {
  for (let i = 0; i < count; i += 1) writer.appendDecision(call({ i }), allowed());
}

describe('a group', () => {
  it('is written when enough records wait, and not before', async () => {
    const { writer, groups } = await open({ groupRecords: 10 });
    append(writer, 9);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(groups).toEqual([]);
    expect(writer.status().queuedRecords).toBe(9);
    append(writer, 1);
    await vi.waitFor(() => expect(groups).toHaveLength(1), WAIT);
    expect(groups[0]).toMatchObject({ records: 10 });
    expect(groups[0]?.bytes).toBeGreaterThan(10 * 400);
    expect(groups[0]?.syncMs).toBeGreaterThanOrEqual(0);
  });

  it('is written when enough bytes wait', async () => {
    const { writer, groups } = await open({ groupBytes: 20_000 });
    writer.appendDecision(call({ text: 'x'.repeat(10_000) }), allowed());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(groups).toEqual([]);
    writer.appendDecision(call({ text: 'x'.repeat(10_000) }), allowed());
    await vi.waitFor(() => expect(groups).toHaveLength(1), WAIT);
    expect(groups[0]?.records).toBe(2);
  });

  it('is written when its oldest record is old enough, however many come', async () => {
    const { writer, groups } = await open({ groupMaxAgeMs: 50, groupIdleMs: 10 });
    await vi.waitFor(() => {
      append(writer, 1);
      expect(groups.length).toBeGreaterThan(0);
    }, WAIT);
  });

  it('is written when nothing was added for the idle time', async () => {
    const { writer, groups } = await open({ groupIdleMs: 20 });
    append(writer, 3);
    await vi.waitFor(() => expect(groups).toHaveLength(1), WAIT);
    expect(groups[0]?.records).toBe(3);
  });

  it('is written at once for whoever waits for a level', async () => {
    const { writer, groups } = await open({});
    await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    expect(groups).toHaveLength(1);
  });
});

describe('a gap record', () => {
  it('is written by whoever waits for it, and not only when it is old', async () => {
    const { writer } = await open({
      whenFull: 'gap',
      maxQueueRecords: 64,
      groupRecords: 1_000_000,
    });
    append(writer, 80);
    await writer.flush();
    expect(writer.status()).toMatchObject({ records: 65, checkpointed: 65 });
    append(writer, 200);
    await writer.close();
    expect(writer.status().records).toBe(130);
  });
});

describe('status', () => {
  it('says how long the oldest record waits in memory, and how long for its checkpoint', async () => {
    let monotonicMs = 1_000;
    const wallMs = Date.now();
    const clock = { monotonicMs: () => monotonicMs, wallMs: () => wallMs + monotonicMs };
    const { writer } = await open({ clock, checkpointIntervalMs: NEVER_MS });
    expect(writer.status()).toMatchObject({ oldestQueuedMs: 0, uncheckpointedMs: 0 });
    writer.appendEvent({ type: 'test', properties: {} });
    monotonicMs += 2_500;
    append(writer, 1);
    expect(writer.status()).toMatchObject({ oldestQueuedMs: 2_500, queuedRecords: 2 });
    const ticket = writer.appendEvent({ type: 'test', properties: {} });
    await writer.durable(ticket, 'disk');
    monotonicMs += 700;
    expect(writer.status()).toMatchObject({ oldestQueuedMs: 0, uncheckpointedMs: 700 });
    await writer.durable(ticket, 'checkpointed');
    expect(writer.status().uncheckpointedMs).toBe(0);
  });
});

describe('a listener', () => {
  it('that throws is reported and told no more; the writer and other listeners go on', async () => {
    const logger = new RecordingLogger();
    const { writer, groups } = await open({ logger });
    const thrower = vi.fn(() => {
      throw new Error('trap');
    });
    writer.onGroup(thrower);
    for (let i = 0; i < 2; i += 1) {
      await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    }
    expect(thrower).toHaveBeenCalledTimes(1);
    expect(groups).toHaveLength(2);
    expect(logger.events()).toEqual(['EVIDENCE_LISTENER_FAILED']);
  });

  it('is told no more once it has ended', async () => {
    const { writer } = await open({});
    const listener = vi.fn();
    const end = writer.onGroup(listener);
    end();
    await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    expect(listener).not.toHaveBeenCalled();
  });
});
