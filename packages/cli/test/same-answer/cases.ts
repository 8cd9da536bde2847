import type { Effect, KillTarget, VerdictCode } from '@cortex-governance/core';

/** One request, as each placement can express it, and the answer that all must give. */
export interface Case {
  readonly name: string;
  readonly tenant: string;
  readonly agent: string;
  readonly tool: string;
  /** Anything that JSON can carry: hostile clients send more than strings. */
  readonly action: unknown;
  readonly args: unknown;
  readonly effect: Effect;
  readonly code: VerdictCode;
  /** Requests sent before, whose answers do not matter. */
  readonly before: number;
  /** Stops in force while the case runs. */
  readonly stops: readonly KillTarget[];
  /** What else is done to the placement's governor before. */
  readonly sabotage: 'close' | 'break-kill-switch' | 'end-evidence' | null;
}

type Change = Partial<Omit<Case, 'name' | 'effect' | 'code'>>;

const BASE: Omit<Case, 'name' | 'effect' | 'code'> = {
  tenant: 'acme',
  agent: 'a1',
  tool: 'files',
  action: 'read',
  args: { path: 'docs/a.txt' },
  before: 0,
  stops: [],
  sabotage: null,
};

function allow(name: string, change: Change = {}, code: VerdictCode = 'ALLOWED'): Case {
  return { ...BASE, ...change, name, effect: 'allow', code };
}

function deny(code: VerdictCode, name: string, change: Change): Case {
  return {
    ...BASE,
    ...change,
    name,
    effect: code === 'APPROVAL_REQUIRED' ? 'escalate' : 'deny',
    code,
  };
}

const path = (value: unknown): Change => ({ args: { path: value } });

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}

const GRANT_CASES: readonly Case[] = [
  allow('a granted read'),
  allow('no arguments', { args: {} }),
  allow('every declared type', {
    args: { path: 'docs', depth: 9, mode: 'text', note: '../x', follow: true, options: { a: [1] } },
  }),
  allow('another tenant', { tenant: 'globex' }),
  allow('a tenant that the grant names', { tool: 'acme-only', action: 'run', args: {} }),
  allow('a subject that the grant names', { tool: 'named', action: 'run', args: {} }),
  deny('TOOL_UNKNOWN', 'a tool without a grant', { tool: 'nope' }),
  deny('TOOL_UNKNOWN', 'a tool named like a prototype member', { tool: '__proto__' }),
  deny('TOOL_UNKNOWN', 'a tool that is a path', { tool: '../files' }),
  deny('TOOL_UNKNOWN', 'a tool in another letter case', { tool: 'Files' }),
  deny('ACTION_NOT_ALLOWED', 'an action that is not granted', { action: 'delete' }),
  deny('ACTION_NOT_ALLOWED', 'an action named like a prototype member', { action: 'constructor' }),
  deny('ACTION_NOT_ALLOWED', 'an action in another letter case', { action: 'READ' }),
  deny('ACTION_NOT_ALLOWED', 'an action with a space behind', { action: 'read ' }),
  deny('TENANT_NOT_GRANTED', 'a tenant that the grant does not name', {
    tenant: 'globex',
    tool: 'acme-only',
    action: 'run',
    args: {},
  }),
  deny('SUBJECT_NOT_GRANTED', 'a subject that the grant does not name', {
    agent: 'a2',
    tool: 'named',
    action: 'run',
    args: {},
  }),
  deny('APPROVAL_REQUIRED', 'an action that a person approves', { action: 'publish' }),
];

const ARGUMENT_CASES: readonly Case[] = [
  deny('ARGUMENT_UNKNOWN', 'an undeclared argument', { args: { path: 'docs', force: true } }),
  deny('ARGUMENT_MISSING', 'a required argument left out', {
    action: 'move',
    args: { source: 'docs/a.txt' },
  }),
  deny('ARGUMENT_INVALID', 'a number for a path', path(5)),
  deny('ARGUMENT_INVALID', 'null for a path', path(null)),
  deny('ARGUMENT_INVALID', 'an array for a path', path(['docs'])),
  deny('ARGUMENT_INVALID', 'an object for a path', path({ toString: 'docs' })),
  deny('ARGUMENT_INVALID', 'a fraction for an integer', { args: { depth: 1.5 } }),
  deny('ARGUMENT_INVALID', 'above the maximum', { args: { depth: 10 } }),
  deny('ARGUMENT_INVALID', 'below the minimum', { args: { depth: -1 } }),
  deny('ARGUMENT_INVALID', 'not one of the enum', { args: { mode: 'TEXT' } }),
  deny('ARGUMENT_INVALID', 'too long', { args: { note: 'x'.repeat(17) } }),
  deny('ARGUMENT_INVALID', 'a string for a boolean', { args: { follow: 'true' } }),
  deny('ARGUMENT_INVALID', 'a wrong element', { args: { paths: ['docs', 7] } }),
  deny('REQUEST_INVALID', 'arguments that are an array', { args: ['docs'] }),
  deny('REQUEST_INVALID', 'arguments that are a string', { args: 'docs' }),
  deny('REQUEST_INVALID', 'arguments that are a number', { args: 5 }),
  deny('REQUEST_INVALID', 'an integer beyond 2^53', { args: { depth: 2 ** 53 } }),
  deny('REQUEST_INVALID', 'a lone surrogate', { args: { note: '\ud800' } }),
  deny('REQUEST_INVALID', 'nested too deep', { args: { options: nested(40) } }),
  deny('REQUEST_INVALID', 'an action that is a number', { action: 7 }),
  deny('REQUEST_INVALID', 'an action that is an object', { action: { name: 'read' } }),
  deny('REQUEST_INVALID', 'an empty action', { action: '' }),
  deny('REQUEST_INVALID', 'an action of 300 characters', { action: 'a'.repeat(300) }),
];

const PATH_CASES: readonly Case[] = [
  allow('a folder in scope', path('docs/')),
  allow('a file that is not there yet', path('docs/new/file.txt')),
  allow('dots that stay inside', path('docs/sub/../a.txt')),
  allow('a link that stays inside', path('docs/inside')),
  allow('a glob in the scope', path('src/a/generated')),
  allow('a list of paths', { args: { paths: ['docs/a.txt', 'docs/sub'] } }),
  deny('PATH_OUT_OF_SCOPE', 'dots that leave', path('docs/../secrets/key')),
  deny('PATH_OUT_OF_SCOPE', 'dots that leave the workspace', path('../../etc/passwd')),
  deny('PATH_OUT_OF_SCOPE', 'an absolute path outside', path('/etc/passwd')),
  deny('PATH_OUT_OF_SCOPE', 'a sibling with the same prefix', path('docs-private/a')),
  deny('PATH_OUT_OF_SCOPE', 'the workspace itself', path('.')),
  deny('PATH_OUT_OF_SCOPE', 'one of two paths', { args: { paths: ['docs/a.txt', 'secrets/key'] } }),
  deny('PATH_OUT_OF_SCOPE', 'a grant without a scope', { tool: 'closed', args: { path: 'docs' } }),
  deny('PATH_OUT_OF_SCOPE', 'the second path of a move', {
    action: 'move',
    args: { source: 'docs/a.txt', destination: 'secrets/a' },
  }),
  deny('PATH_INVALID', 'a NUL byte', path('docs/a\u0000.txt')),
  deny('PATH_INVALID', 'a backslash', path('docs\\..\\secrets')),
  deny('PATH_INVALID', 'a Windows drive', path('C:/windows')),
  deny('PATH_INVALID', 'a home folder', path('~/.ssh/id_ed25519')),
  deny('PATH_INVALID', 'an empty path', path('')),
  deny('PATH_INVALID', 'a path of 5,000 characters', path(`docs/${'a'.repeat(5_000)}`)),
  deny('PATH_INVALID', 'a look-alike of the slash', path('docs\u2215..\u2215secrets')),
];

/** Only placements that follow links can tell; `decide` judges by the text. */
const LINK_CASES: readonly Case[] = [
  deny('PATH_OUT_OF_SCOPE', 'a link that leaves', path('docs/out')),
  deny('PATH_OUT_OF_SCOPE', 'a file behind a link that leaves', path('docs/out/key')),
  deny('PATH_OUT_OF_SCOPE', 'a dangling link that leaves', path('docs/dangling')),
];

const HOST_CASES: readonly Case[] = [
  allow('a granted host', {
    tool: 'fetch',
    action: 'get',
    args: { url: 'https://api.example.com/x' },
  }),
  allow('a granted wildcard', {
    tool: 'fetch',
    action: 'get',
    args: { url: 'https://a.example.org' },
  }),
  deny('HOST_NOT_ALLOWED', 'another host', {
    tool: 'fetch',
    action: 'get',
    args: { url: 'https://evil.example' },
  }),
  deny('HOST_NOT_ALLOWED', 'a granted host as user', {
    tool: 'fetch',
    action: 'get',
    args: { url: 'https://api.example.com@evil.example/' },
  }),
  deny('HOST_NOT_ALLOWED', 'a granted host as prefix', {
    tool: 'fetch',
    action: 'get',
    args: { url: 'https://api.example.com.evil.example/' },
  }),
];

const TENANT_CASES: readonly Case[] = [
  deny('TENANT_MISSING', 'no tenant', { tenant: '' }),
  deny('TENANT_MALFORMED', 'a tenant that is a path', { tenant: '../acme' }),
  deny('TENANT_UNKNOWN', 'an unknown tenant', { tenant: 'initech' }),
  deny('TENANT_UNKNOWN', 'the default tenant when tenants are named', { tenant: 'default' }),
];

const LIMIT_CASES: readonly Case[] = [
  allow('the first call', { tool: 'limited', action: 'one', args: {}, tenant: 'acme' }),
  deny('RATE_LIMITED', 'the call over the limit', {
    tool: 'limited',
    action: 'one',
    args: {},
    before: 1,
  }),
  allow('another action of the limited tool', { tool: 'limited', action: 'other', args: {} }),
  allow('another tenant of the limited tool', {
    tool: 'limited',
    action: 'one',
    args: {},
    tenant: 'globex',
  }),
  deny('RATE_LIMITED', 'the call over the hourly limit', {
    tool: 'hourly',
    action: 'one',
    args: {},
    before: 1,
  }),
  deny('RATE_LIMITED', 'the call over the budget of tokens', {
    tool: 'metered',
    action: 'one',
    args: {},
    before: 1,
  }),
  deny('RATE_LIMITED', 'a call of which one cap of two is over the budget', {
    tool: 'metered',
    action: 'other',
    args: { max_tokens: 1, max_completion_tokens: 101 },
  }),
  allow('a call within the budget', {
    tool: 'metered',
    action: 'other',
    args: { max_tokens: 1, max_completion_tokens: 30 },
  }),
  allow(
    'a denial made visible by shadow mode',
    { tool: 'shadow', action: 'run', args: { path: '/etc' } },
    'PATH_OUT_OF_SCOPE',
  ),
  allow(
    'an unknown action made visible by shadow mode',
    { tool: 'shadow', action: 'walk', args: {} },
    'ACTION_NOT_ALLOWED',
  ),
];

const KILL_CASES: readonly Case[] = [
  deny('KILLED_GLOBAL', 'everything stopped', { stops: [{ scope: 'global' }] }),
  deny('KILLED_GLOBAL', 'everything stopped, for a malformed request too', {
    stops: [{ scope: 'global' }],
    args: 5,
  }),
  deny('KILLED_TENANT', 'the tenant stopped', { stops: [{ scope: 'tenant', tenant: 'acme' }] }),
  deny('KILLED_AGENT', 'the agent stopped', { stops: [{ scope: 'agent', agent: 'a1' }] }),
  deny('KILLED_TOOL', 'the tool stopped', { stops: [{ scope: 'tool', tool: 'files' }] }),
  deny('KILLED_TOOL', 'a tool stopped that has no grant', {
    tool: 'nope',
    stops: [{ scope: 'tool', tool: 'nope' }],
  }),
  deny('KILLED_ACTION', 'the action stopped', {
    stops: [{ scope: 'action', tool: 'files', action: 'read' }],
  }),
  allow('another action of the stopped one', {
    action: 'write',
    stops: [{ scope: 'action', tool: 'files', action: 'read' }],
  }),
  allow('another tenant of the stopped agent', {
    stops: [{ scope: 'agent', agent: 'a1', tenant: 'globex' }],
  }),
  deny('PATH_OUT_OF_SCOPE', 'a link that leaves, while another tool is stopped', {
    ...path('docs/out/key'),
    stops: [{ scope: 'tool', tool: 'fetch' }],
  }),
];

const SABOTAGE_CASES: readonly Case[] = [
  deny('KILL_SWITCH_UNREADABLE', 'a kill switch file that is not JSON', {
    sabotage: 'break-kill-switch',
  }),
  deny('EVIDENCE_UNAVAILABLE', 'a log that was closed', { sabotage: 'end-evidence' }),
  deny('GOVERNOR_CLOSED', 'a closed governor', { sabotage: 'close' }),
];

/** Requests that are judged by their text alone. */
export const TEXT_CASES: readonly Case[] = [
  ...GRANT_CASES,
  ...ARGUMENT_CASES,
  ...PATH_CASES,
  ...HOST_CASES,
  ...TENANT_CASES,
  ...LIMIT_CASES,
  ...KILL_CASES.filter(({ code }) => code !== 'PATH_OUT_OF_SCOPE'),
];

/** Requests whose answer depends on the disk. */
export const DISK_CASES: readonly Case[] = [
  ...LINK_CASES,
  ...KILL_CASES.filter(({ code }) => code === 'PATH_OUT_OF_SCOPE'),
  ...SABOTAGE_CASES,
];

/** Codes that not every placement can reach, each with the reason and the test that holds it. */
export const CODES_ELSEWHERE: Readonly<Partial<Record<VerdictCode, string>>> = {
  TENANT_TOKEN_INVALID: 'only HTTP carries tokens: packages/tenant-guard and packages/server',
  TENANT_SOURCE_UNTRUSTED: 'only HTTP has peers: packages/tenant-guard and packages/server',
  TENANT_CONFLICT: 'only HTTP can name a tenant twice: packages/tenant-guard and packages/server',
  RESOURCE_TYPE_UNKNOWN: 'the MCP proxy always asks about a tool: tested below for the other two',
  POLICY_DENIED: 'needs a policy backend, tested below through a governor with one',
  POLICY_STALE: 'needs a failing reload and time: packages/grant-loader and packages/governor',
  LIMITER_FULL: 'needs a full limiter, tested below with room for one key',
  LIMITER_UNAVAILABLE:
    'needs a shared store that is away, tested below with a limiter that says so',
  OBLIGATION_UNSUPPORTED: 'said by the enforcer, not by the engine: the adapters',
  ENGINE_FAULT: 'needs a part that throws, tested below through a policy backend',
};
