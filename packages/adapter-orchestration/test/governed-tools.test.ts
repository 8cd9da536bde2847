import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { governTools, isToolDenial, type ToolDenial } from '../src/index.ts';
import { openWorkspace, RATE } from './workspace.ts';

const GIT = { tool: 'git', actions: ['tree', 'search'], rate: { perMinute: 2 } };
const WHO = { tenant: 'default', agent: 'planner', tool: 'git' } as const;

describe('governTools', () => {
  it('governs each function with its key as the action', async () => {
    const { governor } = await openWorkspace([{ ...GIT, rate: RATE }]);
    const push = vi.fn(() => 'pushed');
    const git = governTools(governor, WHO, {
      tree: async ({ depth }: { depth: number }) => depth,
      search: ({ text }: { text: string }) => [text],
      push,
    });
    expect(await git.tree({ depth: 2 })).toBe(2);
    expect(await git.search({ text: 'x' })).toEqual(['x']);
    await expect(git.push()).rejects.toMatchObject({ code: 'ACTION_NOT_ALLOWED' });
    expect(push).not.toHaveBeenCalled();
    expectTypeOf(git.tree).parameters.toEqualTypeOf<[args: { depth: number }, extra?: unknown]>();
    expectTypeOf(git.search).returns.resolves.toEqualTypeOf<string[]>();
  });

  it('has no member but the keys of the record', async () => {
    const { governor } = await openWorkspace([GIT]);
    const git = governTools(governor, WHO, { tree: () => 1 });
    expect(Reflect.ownKeys(git)).toEqual(['tree']);
    expect(Object.getPrototypeOf(git)).toBeNull();
    expect(Reflect.get(git, 'toString')).toBeUndefined();
    expect(Reflect.get(git, 'constructor')).toBeUndefined();
    expect(Object.isFrozen(git)).toBe(true);
    // @ts-expect-error not a key of the record.
    expect(git.search).toBeUndefined();
  });

  it('is not changed by what is later done to the record', async () => {
    const { governor } = await openWorkspace([GIT]);
    const tools: Record<string, () => string> = { tree: () => 'first' };
    const git = governTools(governor, WHO, tools);
    tools['tree'] = () => 'second';
    tools['search'] = () => 'added';
    expect(await git['tree']?.()).toBe('first');
    expect(git['search']).toBeUndefined();
  });

  it('governs a key named __proto__ like any other', async () => {
    const { governor } = await openWorkspace([GIT]);
    const tools = JSON.parse('{"__proto__":1}') as Record<string, () => unknown>;
    Object.defineProperty(tools, '__proto__', { value: () => 'ran', enumerable: true });
    const git = governTools(governor, WHO, tools);
    const governed = Object.getOwnPropertyDescriptor(git, '__proto__')
      ?.value as () => Promise<unknown>;
    await expect(governed()).rejects.toMatchObject({ code: 'ACTION_NOT_ALLOWED' });
  });

  it('shares identity, mode and call ids', async () => {
    const { governor } = await openWorkspace([GIT]);
    const ids: unknown[] = [];
    const git = governTools(
      governor,
      {
        ...WHO,
        agent: (extra: { run: string }) => extra.run,
        onDenied: 'return',
        callId: (action: string, args: unknown, extra: { run: string }) => {
          ids.push([action, args, extra]);
          return extra.run;
        },
      },
      {
        tree: (_args: object, extra: { run: string }) => extra.run,
        push: (_args: object, _extra: { run: string }) => 1,
      },
    );
    for (let i = 0; i < 3; i += 1) expect(await git.tree({}, { run: 'r1' })).toBe('r1');
    expect(await git.tree({}, { run: 'r2' })).toBe('r2');
    const limited = await git.tree({}, { run: 'r3' });
    expect(isToolDenial(limited) && limited.verdict.code).toBe('RATE_LIMITED');
    const denied = await git.push({}, { run: 'r1' });
    expect(isToolDenial(denied) && denied.verdict.code).toBe('ACTION_NOT_ALLOWED');
    expect(ids[0]).toEqual(['tree', {}, { run: 'r1' }]);
    expectTypeOf(git.push).returns.resolves.toEqualTypeOf<number | ToolDenial>();
  });

  it.each([
    ['no function', {}],
    ['a member that is no function', { tree: 1 }],
    ['an empty key', { '': () => 1 }],
    [
      'an accessor',
      {
        get tree() {
          return () => 1;
        },
      },
    ],
  ])('refuses a record with %s', async (_name, tools) => {
    const { governor } = await openWorkspace([GIT]);
    expect(() => governTools(governor, WHO, tools as never)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });
});
