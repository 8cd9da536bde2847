import type { Authorization } from '@cortex-governance/governor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VERDICT_META_KEY } from '../src/index.ts';
import { eventually } from './support/eventually.ts';
import { governorWith } from './support/governor-with.ts';
import {
  call,
  notification,
  startTestSession,
  type TestSession,
  tick,
} from './support/test-session.ts';
import { NOTES_GRANT, openTestWorkspace, type TestWorkspace } from './support/test-workspace.ts';

/** One call at a time, and so many a minute that only the place counts. */
const GRANT = { ...NOTES_GRANT, rate: { perMinute: 1000, concurrency: { limit: 1 } } };
const STOP = { scope: 'agent', agent: 'tester', actor: 'op', reason: 'test' } as const;

let workspace: TestWorkspace;
let session: TestSession;

beforeEach(async () => {
  workspace = await openTestWorkspace(GRANT);
  session = await startTestSession(workspace);
});

afterEach(async () => {
  await session.proxy.close();
  await workspace.close();
});

function left(name = 'concurrency'): number | undefined {
  const states = workspace.governor.limits({
    tenant: 'default',
    subject: { type: 'agent', id: 'tester' },
    action: { name: 'echo', properties: {} },
    resource: { type: 'tool', id: 'notes' },
  });
  return states.find((state) => state.name === name)?.remaining;
}

async function forwarded(count: number): Promise<void> {
  await eventually(() => expect(session.server.withMethod('tools/call')).toHaveLength(count));
}

function answer(id: number): object {
  return { jsonrpc: '2.0', id, result: { content: [] } };
}

/** Starts a call that the server does not answer. */
async function startCall(id = 1): Promise<void> {
  session.client.inject(call(id, 'echo'));
  await forwarded(1);
  expect(left()).toBe(0);
}

describe('a call that the server has', () => {
  it('holds its place until the answer: a second one is denied with a time, and passes then', async () => {
    await startCall();
    session.client.inject(call(2, 'echo'));
    await eventually(() => expect(session.client.answers(2)).toHaveLength(1));
    expect(session.client.answers(2)[0]).toMatchObject({
      result: {
        isError: true,
        content: [
          { text: expect.stringMatching(/^Denied \[RATE_LIMITED\].*Retry after \d+ s\.$/) },
        ],
        _meta: { [VERDICT_META_KEY]: { code: 'RATE_LIMITED', httpStatus: 429 } },
      },
    });
    session.server.inject(answer(1));
    expect(left()).toBe(1);
    session.client.inject(call(3, 'echo'));
    await forwarded(2);
  });

  it('is settled by an error of the server, and once', async () => {
    const settle = vi.spyOn(workspace.governor, 'settle');
    await startCall();
    session.server.inject({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'no' } });
    session.server.inject(answer(1));
    expect(left()).toBe(1);
    await session.proxy.close();
    expect(settle).toHaveBeenCalledTimes(1);
  });

  it('is settled when the client cancels it', async () => {
    await startCall();
    session.client.inject(notification('notifications/cancelled', { requestId: 1 }));
    expect(left()).toBe(1);
    session.server.inject(answer(1));
    session.client.inject(call(2, 'echo'));
    await forwarded(2);
  });

  it('is settled when it is stopped', async () => {
    await startCall();
    await workspace.governor.killSwitch.engage(STOP);
    expect(session.client.answers(1)).toHaveLength(1);
    expect(left()).toBe(1);
  });

  it('is settled when the server dies', async () => {
    await startCall();
    await session.server.close();
    await session.proxy.ended;
    expect(left()).toBe(1);
    expect(left('calls-60')).toBe(999);
  });
});

describe('a call that the server never had', () => {
  /** A session in which decisions wait until they are let go. */
  async function holdDecisions(): Promise<() => void> {
    await session.proxy.close();
    let letGo: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { governor } = workspace;
    const authorize = async (...asked: Parameters<typeof governor.authorize>) => {
      const authorization: Authorization = await governor.authorize(...asked);
      await gate;
      return authorization;
    };
    session = await startTestSession(workspace, { governor: governorWith(governor, authorize) });
    session.client.inject(call(1, 'echo'));
    await eventually(() => expect(left()).toBe(0));
    return letGo;
  }

  it.each<[string, () => unknown]>([
    [
      'the client cancelled it',
      () => session.client.inject(notification('notifications/cancelled', { requestId: 1 })),
    ],
    ['the session ended', () => session.proxy.close()],
    ['the server died', () => session.server.close()],
    ['it was stopped', () => workspace.governor.killSwitch.engage(STOP)],
  ])('takes nothing when %s while it was decided', async (_name, happens) => {
    const letGo = await holdDecisions();
    await happens();
    letGo();
    await tick();
    await eventually(() => expect(left()).toBe(1));
    expect(left('calls-60')).toBe(1000);
    expect(session.server.withMethod('tools/call')).toEqual([]);
  });

  it('takes nothing when its obligation cannot be met', async () => {
    await session.proxy.close();
    await workspace.close();
    workspace = await openTestWorkspace(GRANT, {
      supportedObligations: ['mask'],
      policy: {
        name: 'test',
        evaluate: () => ({ effect: 'allow', reason: '', obligations: [{ id: '1', type: 'mask' }] }),
      },
    });
    session = await startTestSession(workspace);
    session.client.inject(call(1, 'echo'));
    await eventually(() => expect(session.client.answers(1)).toHaveLength(1));
    expect(left()).toBe(1);
    expect(left('calls-60')).toBe(1000);
  });
});
