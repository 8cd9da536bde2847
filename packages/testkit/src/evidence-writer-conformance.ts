import {
  type Attributes,
  canonicalDigest,
  createVerdict,
  type DecisionRequest,
  EVIDENCE_DROPPED,
  type EvidenceWriter,
  GovernanceError,
  toolCall,
  type Verdict,
  VerdictIdSource,
} from '@cortex-governance/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

/** What the suite asks of the writer that it gets; every member has a workable default. */
export interface EvidenceWriterSetup {
  /** Records that the queue holds at most. */
  readonly maxQueueRecords?: number;
  readonly whenFull?: 'deny' | 'gap';
}

/** A writer on a log of its own, and a way to read the log back. */
export interface EvidenceWriterFixture {
  readonly writer: EvidenceWriter;
  /** Every record that is in the log now, parsed, in order. */
  records(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Closes the writer, when the test has not, and removes the log. */
  dispose(): Promise<void>;
}

const ids = new VerdictIdSource();

function call(args: Attributes = {}): DecisionRequest {
  return toolCall({ tenant: 'acme', agent: 'agent-1', tool: 'git-map', action: 'search', args });
}

function allowed(): Verdict {
  return createVerdict(ids.next(Date.now()), 'ALLOWED', 'evidence', 'a'.repeat(64));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return error instanceof GovernanceError ? error.code : String(error);
}

/**
 * The conformance suite of the EvidenceWriter port: run it for every implementation.
 * @param create makes a writer on an empty log.
 */
export function describeEvidenceWriter(
  name: string,
  create: (setup: EvidenceWriterSetup) => Promise<EvidenceWriterFixture>,
): void {
  describe(`${name} as an EvidenceWriter`, () => {
    const fixtures: EvidenceWriterFixture[] = [];
    const open = async (setup: EvidenceWriterSetup = {}): Promise<EvidenceWriterFixture> => {
      const fixture = await create(setup);
      fixtures.push(fixture);
      return fixture;
    };

    afterEach(async () => {
      for (const fixture of fixtures.splice(0)) await fixture.dispose();
    });

    describeRecords(open);
    describeDurability(open);
    describeFullQueue(open);
    describeClose(open);
  });
}

type Open = (setup?: EvidenceWriterSetup) => Promise<EvidenceWriterFixture>;

function describeRecords(open: Open): void {
  it('writes decisions and events in the order in which they were appended', async () => {
    const { writer, records } = await open();
    const first = allowed();
    const last = allowed();
    writer.appendDecision(call(), first);
    writer.appendEvent({ type: 'kill_switch', properties: { engaged: true } });
    writer.appendDecision(call(), last);
    await writer.flush();
    const written = await records();
    expect(written.map((record) => record['kind'])).toEqual(['decision', 'event', 'decision']);
    expect(written.map((record) => record['seq'])).toEqual([0, 1, 2]);
    expect(written[0]).toMatchObject({ id: first.id, tenant: 'acme', effect: 'allow' });
    expect(written[1]).toMatchObject({ type: 'kill_switch', properties: { engaged: true } });
    expect(written[2]).toMatchObject({ id: last.id, code: 'ALLOWED', stage: 'evidence' });
  });

  it('writes digests in place of arguments, whatever the caller does to them later', async () => {
    const { writer, records } = await open();
    const args = { path: 'docs/secret-name.md', list: [1, { deep: 'secret-name' }] };
    const digest = canonicalDigest(args);
    const ticket = writer.appendDecision(call(args), allowed());
    args.path = 'changed';
    (args.list[1] as { deep: string }).deep = 'changed';
    await writer.durable(ticket, 'disk');
    const [record] = await records();
    expect(record).toMatchObject({ argsDigest: digest });
    expect(JSON.stringify(record)).not.toContain('secret-name');
  });

  it('takes any JSON-shaped arguments', async () => {
    const { writer, records } = await open();
    const digests: string[] = [];
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue()), (properties) => {
        fc.pre(!JSON.stringify(properties).includes('__proto__'));
        digests.push(canonicalDigest(properties));
        expect(writer.appendDecision(call(properties), allowed())).not.toBe(EVIDENCE_DROPPED);
      }),
      { numRuns: 60 },
    );
    await writer.flush();
    expect((await records()).map((record) => record['argsDigest'])).toEqual(digests);
  });
}

function describeDurability(open: Open): void {
  it('resolves every level of durability, and has the record in the log by then', async () => {
    for (const level of ['accepted', 'os', 'disk', 'checkpointed'] as const) {
      const { writer, records } = await open();
      const verdict = allowed();
      await writer.durable(writer.appendDecision(call(), verdict), level);
      if (level !== 'accepted') expect((await records())[0]).toMatchObject({ id: verdict.id });
      if (level === 'checkpointed') expect(writer.status().checkpointed).toBe(1);
    }
  });

  it('resolves for tickets in any order, more than once', async () => {
    const { writer } = await open();
    const tickets = Array.from({ length: 20 }, () => writer.appendDecision(call(), allowed()));
    await Promise.all(
      [...tickets.reverse(), ...tickets].map((ticket) => writer.durable(ticket, 'disk')),
    );
    expect(writer.status().records).toBe(20);
  });

  it('rejects for a ticket that was never given', async () => {
    const { writer } = await open();
    for (const ticket of [EVIDENCE_DROPPED, 1000, 0.5, Number.NaN]) {
      expect(await codeOf(writer.durable(ticket, 'disk'))).toBe('EVIDENCE_WRITE_FAILED');
    }
  });

  it('has everything under a checkpoint after flush', async () => {
    const { writer } = await open();
    for (let i = 0; i < 700; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.flush();
    expect(writer.status()).toMatchObject({ healthy: true, records: 700, checkpointed: 700 });
  });
}

function describeFullQueue(open: Open): void {
  it('is not ready when full and told to deny, and counts what it drops', async () => {
    const { writer, records } = await open({ maxQueueRecords: 3, whenFull: 'deny' });
    const tickets = Array.from({ length: 5 }, () => {
      const ready = writer.ready();
      const ticket = writer.appendDecision(call(), allowed());
      expect(ready).toBe(ticket !== EVIDENCE_DROPPED);
      return ticket;
    });
    expect(tickets.filter((ticket) => ticket === EVIDENCE_DROPPED)).toHaveLength(2);
    expect(writer.status().drops.queue_full).toBe(2);
    await writer.flush();
    expect(writer.ready()).toBe(true);
    const kinds = (await records()).map((record) => record['kind']);
    expect(kinds).toEqual(['decision', 'decision', 'decision', 'gap']);
  });

  it('stays ready when full and told to leave a gap record, with count and reason', async () => {
    const { writer, records } = await open({ maxQueueRecords: 2, whenFull: 'gap' });
    for (let i = 0; i < 6; i += 1) {
      expect(writer.ready()).toBe(true);
      writer.appendDecision(call(), allowed());
    }
    await writer.flush();
    writer.appendDecision(call(), allowed());
    await writer.flush();
    const written = await records();
    expect(written.map((record) => record['kind'])).toEqual([
      'decision',
      'decision',
      'gap',
      'decision',
    ]);
    expect(written[2]).toMatchObject({ count: 4, reasons: { queue_full: 4 } });
  });
}

function describeClose(open: Open): void {
  it('has everything in the log after close, and then drops with a count', async () => {
    const { writer, records } = await open();
    for (let i = 0; i < 10; i += 1) writer.appendDecision(call(), allowed());
    await writer.close();
    expect(await records()).toHaveLength(10);
    expect(writer.ready()).toBe(false);
    expect(writer.appendDecision(call(), allowed())).toBe(EVIDENCE_DROPPED);
    expect(writer.appendEvent({ type: 'late', properties: {} })).toBe(EVIDENCE_DROPPED);
    expect(writer.status().drops.closed).toBe(2);
    await writer.close();
  });

  it('appends without throwing, whatever it is given', async () => {
    const { writer } = await open();
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap');
        },
      },
    );
    for (const request of [null, undefined, 7, {}, hostile, { tenant: 1, subject: hostile }]) {
      writer.appendDecision(request as unknown as DecisionRequest, allowed());
      writer.appendDecision(call(), request as unknown as Verdict);
      writer.appendEvent(request as never);
    }
    await writer.flush();
    expect(writer.status().healthy).toBe(true);
  });
}
