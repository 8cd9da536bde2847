import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DecisionRequest, GovernanceError, type Obligation } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import {
  type GovernedTool,
  governTool,
  isToolDenial,
  type ToolBinding,
  type ToolDenial,
  type ToolRun,
} from '../src/index.ts';
import { openWorkspace, RATE, withAuthorize } from './workspace.ts';

const FILES = {
  tool: 'files',
  actions: ['read', 'list'],
  args: { path: { type: 'string' }, limit: { type: 'integer' } },
  rate: RATE,
  fsScope: ['docs'],
};
const ONCE = { tool: 'once', actions: ['run'], rate: { perMinute: 1 } };
const OPEN = { tool: 'open', actions: ['run'], rate: RATE };

const READ = { tenant: 'default', agent: 'planner', tool: 'files', action: 'read' } as const;
const RUN = { tenant: 'default', agent: 'planner', tool: 'open', action: 'run' } as const;
const STOP = { actor: 'op', reason: 'test', scope: 'agent', agent: 'planner' } as const;

function allowWith(...obligations: Obligation[]) {
  return {
    name: 'test',
    evaluate: () => ({ effect: 'allow' as const, reason: '', obligations }),
  };
}

async function denialOf(call: Promise<unknown>): Promise<GovernanceError> {
  const error: unknown = await call.then(
    () => {
      throw new Error('the call was not denied');
    },
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GovernanceError);
  return error as GovernanceError;
}

/** A tool that runs until it is told to end, or its signal is aborted and it heeds that. */
function slowTool() {
  let finish: (value: string) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  let started: (run: ToolRun) => void = () => {};
  const running = new Promise<ToolRun>((resolve) => {
    started = resolve;
  });
  const execute = (_args: object, _extra: unknown, run: ToolRun): Promise<string> => {
    started(run);
    return new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  };
  return { execute, running, finish: (v: string) => finish(v), fail: (e: unknown) => fail(e) };
}

describe('governTool', () => {
  it('runs the tool with a copy of the arguments in which paths are real', async () => {
    const { governor, folder } = await openWorkspace([FILES]);
    await mkdir(join(folder, 'docs', 'real'), { recursive: true });
    await writeFile(join(folder, 'docs', 'real', 'a.md'), 'text');
    await symlink('real', join(folder, 'docs', 'link'));
    const seen: object[] = [];
    const read = governTool(governor, READ, async (args: { path: string; limit: number }) => {
      seen.push(args);
      return args.limit;
    });
    const given = { path: 'docs/link/a.md', limit: 3 };
    expect(await read(given)).toBe(3);
    expect(seen).toEqual([{ path: join(folder, 'docs', 'real', 'a.md'), limit: 3 }]);
    expect(seen[0]).not.toBe(given);
  });

  it.each([
    ['an action that is not granted', { ...READ, action: 'delete' }, {}, 'ACTION_NOT_ALLOWED'],
    ['a tool without a grant', { ...READ, tool: 'none' }, {}, 'TOOL_UNKNOWN'],
    ['a path out of scope', READ, { path: 'docs/../secret' }, 'PATH_OUT_OF_SCOPE'],
    ['an absolute path', READ, { path: '/etc/passwd' }, 'PATH_OUT_OF_SCOPE'],
    ['a NUL byte', READ, { path: 'docs/a\0' }, 'PATH_INVALID'],
    ['an argument that is not declared', READ, { file: 'docs/a' }, 'ARGUMENT_UNKNOWN'],
    ['an argument of another type', READ, { limit: '3' }, 'ARGUMENT_INVALID'],
    ['an unknown tenant', { ...READ, tenant: 'other' }, {}, 'TENANT_UNKNOWN'],
    ['arguments that are an array', READ, ['docs'], 'REQUEST_INVALID'],
    ['arguments that are a string', READ, 'docs', 'REQUEST_INVALID'],
    ['null', READ, null, 'REQUEST_INVALID'],
    ['a class instance', READ, new Date(0), 'REQUEST_INVALID'],
    ['a function among the arguments', READ, { path: () => 'docs' }, 'REQUEST_INVALID'],
  ])('denies %s and does not run the tool', async (_name, binding, args, code) => {
    const { governor } = await openWorkspace([FILES]);
    const tool = vi.fn();
    const governed = governTool(governor, binding, tool as (args: unknown) => Promise<void>);
    const error = await denialOf(governed(args));
    expect(error.code).toBe(code);
    expect(error.verdict?.effect).toBe('deny');
    expect(tool).not.toHaveBeenCalled();
  });

  it('waits for the decision before it runs the tool', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = vi.fn(() => 'done');
    let decided: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      decided = resolve;
    });
    const slow = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      await gate;
      return authorization;
    });
    const result = governTool(slow, RUN, tool)({});
    await vi.waitFor(() => expect(governor.counters.total).toBe(1));
    expect(tool).not.toHaveBeenCalled();
    decided();
    expect(await result).toBe('done');
  });

  it('runs what was decided, whatever the caller does to its object meanwhile', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const args = { value: 'decided', nested: { list: [1] } };
    const mutating = withAuthorize(governor, async (decide) => {
      const pending = decide();
      args.value = 'changed';
      args.nested.list.push(2);
      const authorization = await pending;
      args.value = 'changed again';
      return authorization;
    });
    const run = governTool(mutating, RUN, async (given: typeof args) => structuredClone(given));
    expect(await run(args)).toEqual({ value: 'decided', nested: { list: [1] } });
  });

  it('does not let a getter show the tool another value than the governor', async () => {
    const { governor, folder } = await openWorkspace([FILES]);
    await mkdir(join(folder, 'docs'), { recursive: true });
    let reads = 0;
    const args = {
      get path() {
        reads += 1;
        return reads <= 1 ? 'docs' : '/etc/passwd';
      },
    };
    const seen: string[] = [];
    const read = governTool(governor, READ, (given: { path: string }) => seen.push(given.path));
    await read(args).catch(() => {});
    expect(seen.every((path) => path.startsWith(folder))).toBe(true);
  });

  it('passes on what the tool throws, unchanged', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const failure = { not: 'even an error' };
    await expect(governTool(governor, RUN, () => Promise.reject(failure))({})).rejects.toBe(
      failure,
    );
    await expect(
      governTool(governor, { ...RUN, onDenied: 'return' }, () => {
        throw failure;
      })({}),
    ).rejects.toBe(failure);
  });

  it('takes a tool that is not async, and one that returns a thenable', async () => {
    const { governor } = await openWorkspace([OPEN]);
    expect(await governTool(governor, RUN, () => 7)({})).toBe(7);
    const thenable: PromiseLike<number> = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
      then: (resolve) => Promise.resolve(8).then(resolve),
    };
    expect(await governTool(governor, RUN, () => thenable)({})).toBe(8);
  });

  it('hands the second argument on, and no `this`', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const extra = { session: 1 };
    const seen: unknown[] = [];
    const run = governTool(governor, RUN, function (this: unknown, _a: object, e: typeof extra) {
      seen.push(this, e);
    });
    await run.call({ self: true }, {}, extra);
    expect(seen).toEqual([undefined, extra]);
    expect(seen[1]).toBe(extra);
  });

  it('does not expose the tool', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = (): number => 1;
    const run = governTool(governor, RUN, tool);
    const reachable = [
      ...Reflect.ownKeys(run).map((key) => Reflect.get(run, key)),
      Object.getPrototypeOf(run),
    ];
    expect(reachable).not.toContain(tool);
    expect(Object.getPrototypeOf(run)).toBe(Object.getPrototypeOf(async () => {}));
  });

  it('returns a denial that a model can read', async () => {
    const { governor } = await openWorkspace([ONCE]);
    const binding = { ...RUN, tool: 'once', onDenied: 'return' } as const;
    const run = governTool(governor, binding, () => 'ran');
    expect(await run({})).toBe('ran');
    const denial = await run({});
    if (!isToolDenial(denial)) throw new Error('not a denial');
    expect(denial.denied).toBe(true);
    expect(denial.verdict).toMatchObject({ code: 'RATE_LIMITED', effect: 'deny', httpStatus: 429 });
    expect(denial.message).toMatch(
      /^Denied by governance \(RATE_LIMITED\): rate limit exceeded\. Retry after \d+ s\.$/,
    );
    expect(JSON.parse(JSON.stringify(denial))).toMatchObject({ denied: true });
  });

  it('does not take a result that looks like a denial for one', () => {
    expect(isToolDenial({ denied: true, verdict: {}, message: '' })).toBe(false);
    expect(isToolDenial(null)).toBe(false);
    expect(isToolDenial('denied')).toBe(false);
  });

  it('asks for a person as a denial', async () => {
    const grant = { ...OPEN, actionRules: { run: { approval: true } } };
    const { governor } = await openWorkspace([grant]);
    const tool = vi.fn();
    const error = await denialOf(governTool(governor, RUN, tool)({}));
    expect(error.code).toBe('APPROVAL_REQUIRED');
    expect(error.verdict?.effect).toBe('escalate');
    expect(tool).not.toHaveBeenCalled();
  });

  it('runs in shadow mode what would be denied', async () => {
    const { governor } = await openWorkspace([{ ...FILES, mode: 'shadow' }]);
    const read = governTool(governor, READ, (args: { path: string }, _e, { verdict }: ToolRun) => [
      args.path,
      verdict.shadowed,
    ]);
    expect(await read({ path: '/etc/hosts' })).toEqual(['/etc/hosts', true]);
  });

  it('denies when the governor is closed', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = vi.fn();
    const run = governTool(governor, RUN, tool);
    await governor.close();
    expect((await denialOf(run({}))).code).toBe('GOVERNOR_CLOSED');
    expect(tool).not.toHaveBeenCalled();
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['answers with nothing', () => Promise.resolve(undefined as never)],
    [
      'answers with an unknown effect',
      async (decide: () => Promise<never>) => {
        const { verdict, args } = await decide();
        return { args, verdict: Object.assign({}, verdict, { effect: 'maybe' }) } as never;
      },
    ],
  ])('does not run the tool when a governor %s', async (_name, authorize) => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = vi.fn();
    const broken = withAuthorize(governor, authorize as never);
    await expect(governTool(broken, RUN, tool)({})).rejects.toThrow();
    expect(tool).not.toHaveBeenCalled();
  });
});

describe('identity of the call', () => {
  interface Session {
    tenant: string;
    agent: string;
  }
  const PER_CALL = {
    ...RUN,
    tenant: (extra: Session) => extra.tenant,
    agent: (extra: Session) => extra.agent,
  };
  const TENANTS = 'version: 1\ntenancy:\n  tenants: [acme]\n';

  it('is taken from each call', async () => {
    const { governor } = await openWorkspace([{ ...OPEN, subjects: ['a'] }], {}, TENANTS);
    const run = governTool(governor, PER_CALL, (_args: object, extra: Session) => extra.agent);
    expect(await run({}, { tenant: 'acme', agent: 'a' })).toBe('a');
    const subject = await denialOf(run({}, { tenant: 'acme', agent: 'b' }));
    expect(subject.code).toBe('SUBJECT_NOT_GRANTED');
    expect((await denialOf(run({}, { tenant: 'other', agent: 'a' }))).code).toBe('TENANT_UNKNOWN');
    expect((await denialOf(run({}, { tenant: '', agent: 'a' }))).code).toBe('TENANT_MISSING');
  });

  it.each([
    ['undefined', undefined],
    ['a promise', Promise.resolve('acme')],
    ['an array', ['acme']],
  ])('is denied when it is %s', async (_name, tenant) => {
    const { governor } = await openWorkspace([OPEN], {}, TENANTS);
    const tool = vi.fn();
    const run = governTool(governor, { ...RUN, tenant: () => tenant as unknown as string }, tool);
    expect((await denialOf(run({}))).code).toBe('REQUEST_INVALID');
    expect(tool).not.toHaveBeenCalled();
  });

  it('ends the call with the error of a function that throws', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const failure = new Error('no session');
    const tool = vi.fn();
    const binding: ToolBinding<object, unknown> = {
      ...RUN,
      agent: () => {
        throw failure;
      },
    };
    await expect(governTool(governor, binding, tool)({})).rejects.toBe(failure);
    expect(tool).not.toHaveBeenCalled();
    expect(governor.counters.total).toBe(0);
  });

  it('does not charge a limit twice for one call id', async () => {
    const { governor } = await openWorkspace([ONCE]);
    const binding = {
      ...RUN,
      tool: 'once',
      callId: (_args: object, extra: { id: string }) => extra.id,
    };
    const run = governTool(governor, binding, (_args: object, extra: { id: string }) => extra.id);
    expect(await run({}, { id: 'one' })).toBe('one');
    expect(await run({}, { id: 'one' })).toBe('one');
    expect((await denialOf(run({}, { id: 'two' }))).code).toBe('RATE_LIMITED');
  });

  it('puts the context of the call before the policy', async () => {
    const seen: (DecisionRequest['context'] | null)[] = [];
    const policy = {
      name: 'test',
      evaluate: (request: DecisionRequest) => {
        seen.push(request.context ?? null);
        return { effect: 'allow' as const, reason: '', obligations: [] };
      },
    };
    const { governor } = await openWorkspace([OPEN], { policy });
    await governTool(governor, { ...RUN, context: { ticket: 1 } }, () => 1)({});
    const perCall = { ...RUN, context: (extra: number) => ({ ticket: extra }) };
    await governTool(governor, perCall, (_args: object, _extra: number) => 1)({}, 2);
    await governTool(governor, RUN, () => 1)({});
    expect(seen).toEqual([{ ticket: 1 }, { ticket: 2 }, null]);
  });
});

describe('obligations', () => {
  const LOG = { id: '1', type: 'log', properties: { level: 'high' } };
  const MASK = { id: '2', type: 'mask' };

  it('are met in order, before the tool, with the decided arguments', async () => {
    const { governor } = await openWorkspace([OPEN], { policy: allowWith(LOG, MASK) });
    const steps: unknown[] = [];
    const obligations = {
      log: async (obligation: Obligation, { request }: { request: DecisionRequest }) => {
        await Promise.resolve();
        steps.push(obligation.properties, request.action.properties);
      },
      mask: () => void steps.push('mask'),
    };
    await governTool(governor, { ...RUN, obligations }, () => steps.push('tool'))({ a: 1 });
    expect(steps).toEqual([{ level: 'high' }, { a: 1 }, 'mask', 'tool']);
  });

  it('without a handler are a recorded denial, and no other handler runs', async () => {
    const { governor } = await openWorkspace([OPEN], { policy: allowWith(LOG, MASK) });
    const log = vi.fn();
    const tool = vi.fn();
    const error = await denialOf(governTool(governor, { ...RUN, obligations: { log } }, tool)({}));
    expect(error.code).toBe('OBLIGATION_UNSUPPORTED');
    expect(error.verdict?.reason).toContain('mask');
    expect(log).not.toHaveBeenCalled();
    expect(tool).not.toHaveBeenCalled();
    const codes = [...governor.counters.counts()].map(({ code }) => code);
    expect(codes).toContain('OBLIGATION_UNSUPPORTED');
  });

  it('are not found on the prototype of the handlers', async () => {
    const policy = allowWith({ id: '1', type: 'toString' });
    const { governor } = await openWorkspace([OPEN], { policy });
    const tool = vi.fn();
    expect((await denialOf(governTool(governor, RUN, tool)({}))).code).toBe(
      'OBLIGATION_UNSUPPORTED',
    );
    expect(tool).not.toHaveBeenCalled();
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('cannot');
      },
    ],
    ['rejects', () => Promise.reject(new Error('cannot'))],
  ])('whose handler %s are a denial with the cause', async (_name, log) => {
    const { governor } = await openWorkspace([OPEN], { policy: allowWith(LOG) });
    const tool = vi.fn();
    const error = await denialOf(governTool(governor, { ...RUN, obligations: { log } }, tool)({}));
    expect(error.code).toBe('OBLIGATION_UNSUPPORTED');
    expect(error.cause).toEqual(new Error('cannot'));
    expect(tool).not.toHaveBeenCalled();
  });
});

describe('a stop during the call', () => {
  it('aborts the signal and denies at once, though the tool goes on', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = slowTool();
    const call = denialOf(governTool(governor, RUN, tool.execute)({}));
    const { signal } = await tool.running;
    expect(signal.aborted).toBe(false);
    await governor.killSwitch.engage(STOP);
    const error = await call;
    expect(error.code).toBe('KILLED_AGENT');
    expect(error.verdict).toMatchObject({ effect: 'deny', httpStatus: 503 });
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(GovernanceError);
    const codes = [...governor.counters.counts()].map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['ALLOWED', 'KILLED_AGENT']));
  });

  it.each([
    ['resolves', (tool: ReturnType<typeof slowTool>) => tool.finish('result')],
    ['rejects', (tool: ReturnType<typeof slowTool>) => tool.fail(new Error('aborted'))],
  ])('denies when the tool %s because of the signal', async (_name, end) => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = slowTool();
    const call = denialOf(governTool(governor, RUN, tool.execute)({}));
    const { signal } = await tool.running;
    signal.addEventListener('abort', () => end(tool));
    await governor.killSwitch.engage(STOP);
    expect((await call).code).toBe('KILLED_AGENT');
  });

  it('is returned as a denial where denials are returned', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = slowTool();
    const call = governTool(governor, { ...RUN, onDenied: 'return' }, tool.execute)({});
    await tool.running;
    await governor.killSwitch.engage({ actor: 'op', reason: 'test', scope: 'global' });
    const result = await call;
    expect(isToolDenial(result) && result.verdict.code).toBe('KILLED_GLOBAL');
  });

  it('that covers other calls does nothing', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = slowTool();
    const call = governTool(governor, RUN, tool.execute)({});
    const { signal } = await tool.running;
    await governor.killSwitch.engage({ ...STOP, agent: 'somebody-else' });
    await governor.killSwitch.engage({ actor: 'op', reason: 'test', scope: 'tool', tool: 'files' });
    expect(signal.aborted).toBe(false);
    tool.finish('result');
    expect(await call).toBe('result');
  });

  it('that came right after the decision keeps the tool from running', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const tool = vi.fn();
    const late = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      await governor.killSwitch.engage(STOP);
      return authorization;
    });
    expect((await denialOf(governTool(late, RUN, tool)({}))).code).toBe('KILLED_AGENT');
    expect(tool).not.toHaveBeenCalled();
  });

  it('that comes while an obligation is met keeps the tool from running', async () => {
    const policy = allowWith({ id: '1', type: 'log' });
    const { governor } = await openWorkspace([OPEN], { policy });
    const tool = vi.fn();
    const log = vi.fn(async () => void (await governor.killSwitch.engage(STOP)));
    const run = governTool(governor, { ...RUN, obligations: { log } }, tool);
    expect((await denialOf(run({}))).code).toBe('KILLED_AGENT');
    await vi.waitFor(() => expect(log.mock.results[0]?.type).toBe('return'));
    await log.mock.results[0]?.value;
    // The handler is done; let everything that waits for it run.
    await new Promise((resolve) => setImmediate(resolve));
    expect(tool).not.toHaveBeenCalled();
  });

  it('is no longer watched for when the call is over', async () => {
    const { governor } = await openWorkspace([OPEN]);
    let watching = 0;
    const counted = new Proxy(governor, {
      get(target, name) {
        if (name === 'onStop') {
          return (...watch: Parameters<typeof governor.onStop>) => {
            watching += 1;
            const end = target.onStop(...watch);
            return () => {
              watching -= 1;
              end();
            };
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const seen: number[] = [];
    await governTool(counted, RUN, () => seen.push(watching))({});
    await governTool(counted, RUN, () => Promise.reject(new Error('x')))({}).catch(() => {});
    expect(seen).toEqual([1]);
    expect(watching).toBe(0);
  });
});

describe('the binding', () => {
  it.each([
    ['no tenant', { tenant: undefined }],
    ['an empty agent', { agent: '' }],
    ['a number for a tool', { tool: 1 }],
    ['an action that is too long', { action: 'a'.repeat(257) }],
    ['an unknown mode', { onDenied: 'ignore' }],
    ['a handler that is no function', { obligations: { log: true } }],
    ['a call id that is no function', { callId: 'fixed' }],
    ['an unknown member', { onDeny: 'return' }],
  ])('with %s is refused at once', async (_name, change) => {
    const { governor } = await openWorkspace([OPEN]);
    const wrap = () => governTool(governor, { ...RUN, ...change } as never, () => 1);
    expect(wrap).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
  });

  it('is copied: a later change has no effect', async () => {
    const { governor } = await openWorkspace([OPEN]);
    const binding = { ...RUN, tool: 'none' };
    const run = governTool(governor, binding, () => 1);
    binding.tool = 'open';
    expect((await denialOf(run({}))).code).toBe('TOOL_UNKNOWN');
  });
});

describe('every call', () => {
  it('runs exactly when it is allowed, with what was decided', async () => {
    const { governor } = await openWorkspace([FILES, OPEN]);
    const call = fc.record({
      tool: fc.constantFrom('files', 'open', 'none'),
      action: fc.constantFrom('read', 'run', 'write'),
      agent: fc.string({ maxLength: 4 }).filter((agent) => agent !== ''),
      args: fc.oneof(
        fc.anything(),
        fc.dictionary(fc.constantFrom('path', 'limit', 'x'), fc.jsonValue()),
        fc.record({ path: fc.constantFrom('docs', 'docs/a', '../x', '/etc', 'docs/../..') }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(call, async ({ tool, action, agent, args }) => {
        const before = governor.counters.allowed;
        const ran = vi.fn((given: unknown) => given);
        const binding = { tenant: 'default', agent, tool, action, onDenied: 'return' } as const;
        const result = await governTool(governor, binding, ran)(args);
        const allowed = governor.counters.allowed - before;
        expect(ran).toHaveBeenCalledTimes(allowed);
        expect(isToolDenial(result)).toBe(allowed === 0);
        if (allowed === 1 && tool === 'open') expect(result).toEqual(args ?? {});
      }),
      { numRuns: 300 },
    );
  });
});

describe('types', () => {
  it('are those of the tool', async () => {
    const { governor } = await openWorkspace([OPEN]);
    interface Args {
      readonly path: string;
    }
    const plain = governTool(governor, RUN, async (args: Args) => args.path.length);
    expectTypeOf(plain).toEqualTypeOf<GovernedTool<Args, unknown, number>>();
    expectTypeOf(plain).parameters.toEqualTypeOf<[args: Args, extra?: unknown]>();
    expectTypeOf(plain).returns.resolves.toEqualTypeOf<number>();

    const withExtra = governTool(governor, RUN, (_args: Args, extra: { id: number }) => extra.id);
    expectTypeOf(withExtra).parameters.toEqualTypeOf<[args: Args, extra: { id: number }]>();

    const optional = governTool(governor, RUN, (_args: Args, extra?: { id: number }) => extra?.id);
    expectTypeOf(optional).parameters.toEqualTypeOf<
      [args: Args, extra?: { id: number } | undefined]
    >();

    const returning = governTool(
      governor,
      { ...RUN, onDenied: 'return' },
      (args: Args) => args.path,
    );
    expectTypeOf(returning).returns.resolves.toEqualTypeOf<string | ToolDenial>();

    // @ts-expect-error the arguments are those of the tool.
    const wrong = (): Promise<number> => plain({ file: 'x' });
    expect(wrong).toBeTypeOf('function');
  });
});
