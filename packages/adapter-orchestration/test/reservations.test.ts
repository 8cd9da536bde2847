import type { Governor } from '@cortex-governance/governor';
import { describe, expect, it, vi } from 'vitest';
import { createFileWriteGuard, governTool, governTools, type ToolRun } from '../src/index.ts';
import { type GrantFile, openWorkspace } from './workspace.ts';

const WHO = { tenant: 'default', agent: 'planner' } as const;
const RUN = { ...WHO, tool: 'model', action: 'run' } as const;
const STOP = { actor: 'op', reason: 'test', scope: 'agent', agent: 'planner' } as const;

/** One call at a time, 5 calls a minute, and 100 tokens of which a call reserves 40. */
const RATE = {
  perMinute: 5,
  concurrency: { limit: 1 },
  tokens: { perMinute: 100, perCall: 40 },
  cost: { perMinute: 1000, perCall: 10 },
};
const MODEL: GrantFile = { tool: 'model', actions: ['run'], rate: RATE };
const WRITE: GrantFile = {
  tool: 'fs.write',
  actions: ['write'],
  args: { path: { type: 'string', required: true }, bytes: { type: 'integer', maximum: 100 } },
  rate: RATE,
  fsScope: ['docs'],
};

/** What is left of each limit of a tool. */
function left(governor: Governor, tool = 'model', action = 'run'): Record<string, number> {
  const states = governor.limits({
    tenant: 'default',
    subject: { type: 'agent', id: 'planner' },
    action: { name: action },
    resource: { type: 'tool', id: tool },
  });
  return Object.fromEntries(states.map(({ name, remaining }) => [name, remaining]));
}

const FULL = { 'calls-60': 5, concurrency: 1, 'tokens-60': 100, 'cost-60': 1000 };
const AS_RESERVED = { 'calls-60': 4, concurrency: 1, 'tokens-60': 60, 'cost-60': 990 };

describe('a governed call that ran', () => {
  it('holds its place while it runs, and gives it back when it has a result', async () => {
    const { governor } = await openWorkspace([MODEL]);
    let finish: (value: string) => void = () => {};
    const slow = governTool(
      governor,
      RUN,
      () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    );
    const first = slow({});
    await vi.waitFor(() => expect(left(governor)['concurrency']).toBe(0));
    await expect(slow({})).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      verdict: { retryAfterMs: expect.any(Number) },
    });
    finish('done');
    await expect(first).resolves.toBe('done');
    expect(left(governor)).toEqual(AS_RESERVED);
  });

  it('is charged what its result says', async () => {
    const { governor } = await openWorkspace([MODEL]);
    const usage = ({ tokens, cost }: { tokens: number; cost: number }) => ({ tokens, cost });
    const run = governTool(
      governor,
      { ...RUN, usage },
      (args: { tokens: number; cost: number }) => args,
    );
    await run({ tokens: 7, cost: 1.2 });
    expect(left(governor)).toEqual({ ...FULL, 'calls-60': 4, 'tokens-60': 93, 'cost-60': 998 });
    // Above what was reserved, in full.
    await run({ tokens: 93, cost: 0 });
    expect(left(governor)['tokens-60']).toBe(0);
    await expect(run({ tokens: 1, cost: 0 })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['says nothing', () => undefined],
    ['says null', () => null],
    ['says a number', () => 7],
    ['is asynchronous', async () => ({ tokens: 1 })],
    [
      'is asynchronous and fails',
      async () => {
        throw new Error('no');
      },
    ],
    ['says less than nothing', () => ({ tokens: -1, cost: -5 })],
    ['says NaN', () => ({ tokens: Number.NaN, cost: Number.NaN })],
    ['says infinitely much', () => ({ tokens: Number.POSITIVE_INFINITY })],
    ['says a text', () => ({ tokens: '1', cost: 1n })],
    [
      'has a getter that throws',
      () => ({
        get tokens() {
          throw new Error('no');
        },
      }),
    ],
  ])('is charged as reserved when the usage function %s', async (_name, usage) => {
    const { governor } = await openWorkspace([MODEL]);
    const run = governTool(governor, { ...RUN, usage: usage as () => object }, () => 'done');
    expect(await run({})).toBe('done');
    expect(left(governor)).toEqual(AS_RESERVED);
  });

  it('of a record is charged what its result says', async () => {
    const { governor } = await openWorkspace([MODEL]);
    const usage = (action: string, result: unknown) =>
      action === 'run' ? { tokens: Number(result) } : {};
    const tools = governTools(governor, { ...WHO, tool: 'model', usage }, { run: () => 7 });
    await tools.run();
    expect(left(governor)['tokens-60']).toBe(93);
  });

  it('is settled when it throws', async () => {
    const { governor } = await openWorkspace([MODEL]);
    const usage = vi.fn(() => ({ tokens: 1 }));
    const run = governTool(governor, { ...RUN, usage }, () => {
      throw new TypeError('of the tool');
    });
    await expect(run({})).rejects.toThrow('of the tool');
    expect(left(governor)).toEqual(AS_RESERVED);
    expect(usage).not.toHaveBeenCalled();
  });

  it('is settled once when it is stopped, whatever it does afterwards', async () => {
    const { governor } = await openWorkspace([MODEL]);
    let finish: () => void = () => {};
    let started: (run: ToolRun) => void = () => {};
    const running = new Promise<ToolRun>((resolve) => {
      started = resolve;
    });
    const run = governTool(governor, { ...RUN, usage: () => ({ tokens: 1 }) }, (_a, _e, it) => {
      started(it);
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const call = run({});
    await running;
    const settle = vi.spyOn(governor, 'settle');
    const denied = expect(call).rejects.toMatchObject({ code: 'KILLED_AGENT' });
    await governor.killSwitch.engage(STOP);
    await denied;
    expect(left(governor)).toEqual(AS_RESERVED);
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(settle).toHaveBeenCalledTimes(1);
  });
});

/** Allows everything with an obligation. */
const WITH_NOTE = {
  policy: {
    name: 'test',
    evaluate: () => ({
      effect: 'allow' as const,
      reason: '',
      obligations: [{ id: '1', type: 'note' }],
    }),
  },
  supportedObligations: ['note'],
};

describe('a governed call that never ran', () => {
  it('takes nothing when an obligation is not met', async () => {
    const { governor } = await openWorkspace([MODEL], WITH_NOTE);
    const tool = vi.fn();
    const unmet = governTool(governor, RUN, tool);
    await expect(unmet({})).rejects.toMatchObject({ code: 'OBLIGATION_UNSUPPORTED' });
    const failing = {
      note: () => {
        throw new Error('no');
      },
    };
    const failed = governTool(governor, { ...RUN, obligations: failing }, tool);
    await expect(failed({})).rejects.toMatchObject({ code: 'OBLIGATION_UNSUPPORTED' });
    expect(tool).not.toHaveBeenCalled();
    expect(left(governor)).toEqual(FULL);
  });

  it('takes nothing when it is stopped while its obligations are met', async () => {
    const { governor } = await openWorkspace([MODEL], WITH_NOTE);
    const tool = vi.fn();
    const obligations = {
      note: async () => {
        await governor.killSwitch.engage(STOP);
      },
    };
    const run = governTool(governor, { ...RUN, obligations }, tool);
    await expect(run({})).rejects.toMatchObject({ code: 'KILLED_AGENT' });
    expect(tool).not.toHaveBeenCalled();
    expect(left(governor)).toEqual(FULL);
  });
});

describe('a guarded write', () => {
  it('is settled when the file is in place, and when the write fails', async () => {
    const { governor } = await openWorkspace([WRITE]);
    const files = createFileWriteGuard(governor, WHO);
    await files.writeFile('docs/a.md', 'text');
    expect(left(governor, 'fs.write', 'write')).toEqual(AS_RESERVED);
    await expect(files.writeFile('docs/none/a.md', 'text')).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(left(governor, 'fs.write', 'write')).toMatchObject({ concurrency: 1, 'tokens-60': 20 });
  });

  it('takes nothing when the path is no path to the grant', async () => {
    const { fsScope: _, ...unscoped } = WRITE;
    const { governor } = await openWorkspace([unscoped]);
    const files = createFileWriteGuard(governor, WHO);
    await expect(files.writeFile('docs/a.md', 'text')).rejects.toMatchObject({
      code: 'PATH_OUT_OF_SCOPE',
    });
    expect(left(governor, 'fs.write', 'write')).toEqual(FULL);
  });

  it('holds no place for a question', async () => {
    const { governor } = await openWorkspace([WRITE]);
    const files = createFileWriteGuard(governor, WHO);
    await files.assertWritable('docs/a.md');
    expect(left(governor, 'fs.write', 'write')).toEqual(AS_RESERVED);
  });
});
