import { describe, expect, it } from 'vitest';
import { createTenantGuard, type RequestHeaders, type TenantGuardOptions } from '../src/index.ts';
import { headerGuard, PROXY, STRANGER, TestClock, TestLogger } from './guard-parts.ts';

const ACME = { 'x-tenant-id': 'acme' };

async function codeOf(
  headers: RequestHeaders,
  options: TenantGuardOptions = {},
  rest: { remoteAddress?: string; bodyTenant?: unknown } = {},
): Promise<string> {
  const outcome = await headerGuard(options).derive({ headers, remoteAddress: PROXY, ...rest });
  return outcome.ok ? `${outcome.source}:${outcome.tenant}` : outcome.code;
}

describe('the tenant header of a trusted peer', () => {
  it('names the tenant', async () => {
    const outcome = await headerGuard().derive({ headers: ACME, remoteAddress: PROXY });
    expect(outcome).toEqual({ ok: true, tenant: 'acme', source: 'header' });
  });

  it('is found in every form of headers and in every letter case', async () => {
    const forms: RequestHeaders[] = [
      { 'X-Tenant-ID': 'acme' },
      { 'x-tenant-id': ['acme'] },
      ['Host', 'here', 'X-TENANT-ID', 'acme'],
      [['x-Tenant-id', 'acme']],
      new Headers({ 'X-Tenant-ID': 'acme' }),
      new Map([['x-tenant-id', 'acme']]),
      Object.assign(Object.create(null), ACME),
    ];
    for (const headers of forms) expect(await codeOf(headers)).toBe('header:acme');
  });

  it('may have another name', async () => {
    const header = { name: 'X-Org', trustedPeers: [PROXY] };
    expect(await codeOf({ 'x-org': 'acme' }, { header })).toBe('header:acme');
    expect(await codeOf(ACME, { header })).toBe('TENANT_MISSING');
  });

  it.each([
    ['an array of two', { 'x-tenant-id': ['acme', 'globex'] }],
    ['two equal values', { 'x-tenant-id': ['acme', 'acme'] }],
    ['values joined by a comma', { 'x-tenant-id': 'acme, globex' }],
    ['equal values joined by a comma', { 'x-tenant-id': 'acme,acme' }],
    ['two letter cases of the name', { 'x-tenant-id': 'acme', 'X-Tenant-ID': 'acme' }],
    ['raw headers twice', ['X-Tenant-ID', 'acme', 'x-tenant-id', 'globex']],
    ['pairs twice', [['x-tenant-id', 'acme'] as const, ['x-tenant-id', 'acme'] as const]],
    [
      'Fetch headers twice',
      new Headers([
        ['x-tenant-id', 'acme'],
        ['x-tenant-id', 'acme'],
      ]),
    ],
    ['a trailing comma', { 'x-tenant-id': 'acme,' }],
  ] satisfies [string, RequestHeaders][])(
    'is refused when it is given twice: %s',
    async (_, headers) => {
      expect(await codeOf(headers)).toBe('TENANT_CONFLICT');
    },
  );

  it.each([
    '',
    ' ',
    'acme ',
    'acme\u0000',
    'acme\r\nx-tenant-id: globex',
    '../acme',
    '__proto__',
    'ａｃｍｅ',
    'a'.repeat(65),
    'a'.repeat(1_000_000),
  ])('is refused when it is malformed', async (value) => {
    expect(await codeOf({ 'x-tenant-id': value })).toBe('TENANT_MALFORMED');
  });

  it.each(['globex2', 'constructor', 'toString', 'default', 'ACME'])(
    'is refused when it names %s, whom nobody knows',
    async (value) => {
      expect(await codeOf({ 'x-tenant-id': value })).toBe('TENANT_UNKNOWN');
    },
  );

  it('is refused when the headers are not well formed', async () => {
    const odd = ['X-Tenant-ID'];
    const number = { 'x-tenant-id': 7 } as never;
    const many = Object.fromEntries(Array.from({ length: 2001 }, (_, i) => [`h${i}`, '']));
    for (const headers of [odd, number, many]) {
      expect(await codeOf(headers)).toBe('REQUEST_INVALID');
    }
  });
});

describe('trusted peers', () => {
  const ranges = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'];

  it.each([
    '10.0.0.0',
    '10.255.255.255',
    '::ffff:10.1.2.3',
    '::ffff:0a01:0203',
    '0:0:0:0:0:ffff:a01:203',
    '192.0.2.7',
    '2001:db8:ffff::1',
    '2001:0DB8::1',
    '::1',
    '0:0:0:0:0:0:0:1',
  ])('believes the header of %s', async (remoteAddress) => {
    const header = { trustedPeers: ranges };
    expect(await codeOf(ACME, { header }, { remoteAddress })).toBe('header:acme');
  });

  it.each([
    STRANGER,
    '11.0.0.0',
    '9.255.255.255',
    '::ffff:11.0.0.0',
    '192.0.2.8',
    '2001:db9::1',
    '::2',
    '127.0.0.1',
    '10.0.0.1:443',
    '10.0.0.1 ',
    '010.0.0.1',
    '10.1',
    '0x0a000001',
    'localhost',
    '',
    undefined,
    null,
    ['10.0.0.1'],
  ])('refuses the header of %j', async (remoteAddress) => {
    const header = { trustedPeers: ranges };
    const rest = { remoteAddress: remoteAddress as string };
    expect(await codeOf(ACME, { header }, rest)).toBe('TENANT_SOURCE_UNTRUSTED');
  });

  it('are none unless named', async () => {
    const header = {};
    expect(await codeOf(ACME, { header }, { remoteAddress: '127.0.0.1' })).toBe(
      'TENANT_SOURCE_UNTRUSTED',
    );
  });

  it('does not tell a stranger which tenants exist', async () => {
    for (const tenant of ['acme', 'nobody', '../x']) {
      const rest = { remoteAddress: STRANGER };
      expect(await codeOf({ 'x-tenant-id': tenant }, {}, rest)).toBe('TENANT_SOURCE_UNTRUSTED');
    }
  });

  it('never believes X-Forwarded-For', async () => {
    const headers = { ...ACME, 'x-forwarded-for': PROXY, forwarded: `for=${PROXY}` };
    expect(await codeOf(headers, {}, { remoteAddress: STRANGER })).toBe('TENANT_SOURCE_UNTRUSTED');
  });
});

describe('the tenant in the body', () => {
  it('never suffices', async () => {
    expect(await codeOf({}, {}, { bodyTenant: 'acme' })).toBe('TENANT_MISSING');
  });

  it('may repeat the derived tenant', async () => {
    expect(await codeOf(ACME, {}, { bodyTenant: 'acme' })).toBe('header:acme');
  });

  it.each(['globex', 'ACME', '', 'acme ', null, 0, ['acme'], { tenant: 'acme' }])(
    'is a conflict when it is %j',
    async (bodyTenant) => {
      expect(await codeOf(ACME, {}, { bodyTenant })).toBe('TENANT_CONFLICT');
    },
  );
});

describe('a single tenant', () => {
  const single: TenantGuardOptions = { tenants: [], header: { trustedPeers: [PROXY] } };
  const stranger = { remoteAddress: STRANGER };

  it('needs nothing to be named', async () => {
    expect(await codeOf({}, single, stranger)).toBe('default:default');
    expect(await codeOf({}, single, { ...stranger, bodyTenant: 'default' })).toBe(
      'default:default',
    );
  });

  it('may be named by a trusted peer only', async () => {
    const headers = { 'x-tenant-id': 'default' };
    expect(await codeOf(headers, single)).toBe('header:default');
    expect(await codeOf(headers, single, stranger)).toBe('TENANT_SOURCE_UNTRUSTED');
  });

  it('refuses every other tenant', async () => {
    for (const rest of [{}, stranger]) {
      expect(await codeOf(ACME, single, rest)).toBe('TENANT_UNKNOWN');
      expect(await codeOf({ 'x-tenant-id': '../x' }, single, rest)).toBe('TENANT_MALFORMED');
    }
    expect(await codeOf({}, single, { bodyTenant: 'acme' })).toBe('TENANT_CONFLICT');
  });

  it('does not look at tokens', async () => {
    expect(await codeOf({ authorization: 'Bearer x' }, single)).toBe('default:default');
  });
});

describe('a missing tenant', () => {
  it('is denied, counted, and answered with the status of the table', async () => {
    const guard = headerGuard();
    const outcome = await guard.derive({ headers: {}, remoteAddress: PROXY });
    expect(outcome).toEqual({
      ok: false,
      code: 'TENANT_MISSING',
      httpStatus: 401,
      reason: 'no tenant',
    });
    expect(guard.counters()).toEqual({
      missingContext: 1,
      fallbacks: 0,
      keysUnavailable: 0,
      denied: { TENANT_MISSING: 1 },
    });
  });

  it('falls back to a known `default` when failClosed is false, loudly and counted', async () => {
    const logger = new TestLogger();
    const clock = new TestClock();
    const tenants = ['default', 'acme'];
    const guard = headerGuard({ tenants, failClosed: false, logger, clock });
    for (let i = 0; i < 100; i += 1) {
      const outcome = await guard.derive({ headers: {}, remoteAddress: STRANGER });
      expect(outcome).toEqual({ ok: true, tenant: 'default', source: 'default' });
      clock.elapsedMs += 100;
    }
    expect(guard.counters()).toMatchObject({ missingContext: 100, fallbacks: 100, denied: {} });
    const used = logger.lines.filter(({ event }) => event === 'TENANT_FALLBACK_USED');
    expect(used).toHaveLength(10);
    expect(used.map(({ fields }) => fields['suppressed'])).toEqual([0, ...Array(9).fill(9)]);
    expect(logger.lines[0]).toMatchObject({ level: 'warn', event: 'TENANT_FALLBACK_ENABLED' });
  });

  it('does not fall back to a `default` that nobody knows', async () => {
    expect(await codeOf({}, { failClosed: false })).toBe('TENANT_MISSING');
  });

  it.each([
    ['malformed', { 'x-tenant-id': '../x' }, PROXY, 'TENANT_MALFORMED'],
    ['empty', { 'x-tenant-id': '' }, PROXY, 'TENANT_MALFORMED'],
    ['unknown', { 'x-tenant-id': 'nobody' }, PROXY, 'TENANT_UNKNOWN'],
    ['named twice', { 'x-tenant-id': 'acme,acme' }, PROXY, 'TENANT_CONFLICT'],
    ['named by a stranger', { 'x-tenant-id': 'default' }, STRANGER, 'TENANT_SOURCE_UNTRUSTED'],
  ])('is not what a tenant is that is %s', async (_, headers, remoteAddress, code) => {
    const options = { tenants: ['default', 'acme'], failClosed: false };
    expect(await codeOf(headers, options, { remoteAddress })).toBe(code);
  });

  it('is not made up for by check', () => {
    const guard = createTenantGuard({ tenants: ['default'], failClosed: false });
    expect(guard.check('')).toBe('TENANT_MISSING');
  });
});

describe('the purpose', () => {
  async function purposeOf(headers: RequestHeaders, remoteAddress = PROXY): Promise<string> {
    const outcome = await headerGuard({ tenants: [] }).derive({ headers, remoteAddress });
    return outcome.ok ? String(outcome.purpose) : outcome.code;
  }

  it('is taken from a trusted peer', async () => {
    expect(await purposeOf({ 'X-Purpose': 'fraud detection' })).toBe('fraud detection');
    expect(await purposeOf({})).toBe('undefined');
  });

  it('is refused from a stranger', async () => {
    expect(await purposeOf({ 'x-purpose': 'support' }, STRANGER)).toBe('TENANT_SOURCE_UNTRUSTED');
  });

  it.each(['', ' a', 'a ', 'a\u0000b', 'a\nb', 'a,b', 'é', 'a'.repeat(129)])(
    'is refused when it is malformed: %j',
    async (value) => {
      expect(await purposeOf({ 'x-purpose': value })).toBe('REQUEST_INVALID');
    },
  );

  it('is refused when it is given twice', async () => {
    expect(await purposeOf(['x-purpose', 'a', 'X-Purpose', 'a'])).toBe('REQUEST_INVALID');
  });
});

describe('a fault', () => {
  it('is a denial, logged, and never a rejection', async () => {
    const logger = new TestLogger();
    const headers = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('broken');
        },
      },
    );
    const guard = headerGuard({ logger });
    const outcome = await guard.derive({ headers, remoteAddress: PROXY });
    expect(outcome).toMatchObject({ ok: false, code: 'ENGINE_FAULT', httpStatus: 500 });
    expect(logger.lines.map(({ event }) => event)).toEqual(['TENANT_GUARD_FAULT']);
    const nothing = await guard.derive({ headers: null as never, remoteAddress: PROXY });
    expect(nothing).toMatchObject({ code: 'ENGINE_FAULT' });
    expect(await guard.derive(undefined as never)).toMatchObject({ code: 'ENGINE_FAULT' });
  });
});
