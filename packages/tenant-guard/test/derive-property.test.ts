import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTenantGuard, isTenantId, type TenantGuard } from '../src/index.ts';
import { PROXY, STRANGER, tokenGuard } from './guard-parts.ts';
import { createIssuer, NOW_SECONDS, type TokenIssuer } from './token-issuer.ts';

/*
 * Whatever a request says, a tenant comes out only when it is known and something vouches for it.
 * The generators lean towards what nearly passes; the claims are signed for real.
 */

const KNOWN = ['acme', 'globex', 'default'];

let issuer: TokenIssuer;
let forger: TokenIssuer;
beforeAll(async () => {
  issuer = await createIssuer('EdDSA');
  forger = await createIssuer('EdDSA');
});

const seldom = fc.integer({ max: 5, min: 0 }).map((n) => n === 0);

const tenant = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...KNOWN) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('initech', '__proto__', 'constructor', '', 'ACME', 'acme '),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
);

const headerValue = fc.oneof(
  { weight: 4, arbitrary: tenant },
  { weight: 1, arbitrary: fc.array(tenant, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(undefined, null, 7, {}) as fc.Arbitrary<never> },
);

const tokenPlan = fc.record({
  forged: seldom,
  expired: seldom,
  tenant: fc.oneof(tenant, fc.constantFrom(undefined, null, ['acme'], 7)),
});

const request = fc.record({
  headerName: fc.constantFrom('x-tenant-id', 'X-Tenant-ID', 'x-tenant-id', 'x-tenant'),
  header: fc.option(headerValue, { nil: undefined, freq: 2 }),
  token: fc.option(
    fc.oneof(
      { weight: 4, arbitrary: tokenPlan },
      { weight: 1, arbitrary: fc.string({ maxLength: 60 }) },
    ),
    { nil: undefined, freq: 2 },
  ),
  bodyTenant: fc.option(tenant, { nil: undefined, freq: 2 }),
  remoteAddress: fc.constantFrom(PROXY, `::ffff:${PROXY}`, STRANGER, '', 'x'),
});

type Plan = typeof request extends fc.Arbitrary<infer P> ? P : never;

async function headersOf(plan: Plan): Promise<Record<string, never>> {
  const headers: Record<string, unknown> = {};
  if (plan.header !== undefined) headers[plan.headerName] = plan.header;
  if (typeof plan.token === 'string') headers['authorization'] = `Bearer ${plan.token}`;
  else if (plan.token !== undefined) {
    const exp = NOW_SECONDS + (plan.token.expired ? -600 : 600);
    const signer = plan.token.forged ? forger : issuer;
    headers['authorization'] = `Bearer ${await signer.token({ exp, tenant: plan.token.tenant })}`;
  }
  return headers as Record<string, never>;
}

/** What vouches for the tenant, worked out in another way than the guard does. */
function vouched(plan: Plan, fallback: boolean): string | undefined {
  if (typeof plan.token === 'string') return undefined;
  const { token } = plan;
  if (token !== undefined) {
    return token.forged || token.expired ? undefined : (token.tenant as string);
  }
  const named = plan.headerName.toLowerCase() === 'x-tenant-id' && plan.header !== undefined;
  const empty = Array.isArray(plan.header) && plan.header.length === 0;
  if (!named || empty) return fallback ? 'default' : undefined;
  if (!plan.remoteAddress.includes(PROXY)) return undefined;
  return Array.isArray(plan.header) ? plan.header[0] : plan.header;
}

describe('derive', () => {
  const guards: [string, boolean, () => TenantGuard][] = [
    ['closed', false, () => tokenGuard({ jwks: issuer.jwks }, { tenants: KNOWN })],
    [
      'with the fallback',
      true,
      () => tokenGuard({ jwks: issuer.jwks }, { tenants: KNOWN, failClosed: false }),
    ],
  ];

  it.each(guards)(
    'gives only a known tenant that something vouches for: %s',
    async (_, fallback, make) => {
      const guard = make();
      let given = 0;
      await fc.assert(
        fc.asyncProperty(request, async (plan) => {
          const headers = await headersOf(plan);
          const { remoteAddress, bodyTenant } = plan;
          const outcome = await guard.derive({ headers, remoteAddress, bodyTenant });
          if (!outcome.ok) {
            expect(outcome.reason.length).toBeGreaterThan(0);
            expect(outcome.httpStatus).toBeGreaterThanOrEqual(400);
            return;
          }
          given += 1;
          expect(KNOWN).toContain(outcome.tenant);
          expect(guard.check(outcome.tenant)).toBeNull();
          expect(outcome.tenant).toBe(vouched(plan, fallback));
          if (bodyTenant !== undefined) expect(bodyTenant).toBe(outcome.tenant);
        }),
        { numRuns: 1000 },
      );
      // Enough of the requests must pass for this to prove anything.
      expect(given).toBeGreaterThan(10);
    },
  );

  it('gives nothing but `default` when no tenants are named', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (plan) => {
        const guard = createTenantGuard({ header: { trustedPeers: [PROXY] } });
        const { remoteAddress, bodyTenant } = plan;
        const headers = await headersOf(plan);
        const outcome = await guard.derive({ headers, remoteAddress, bodyTenant });
        if (outcome.ok) expect(outcome.tenant).toBe('default');
      }),
    );
  });

  it('takes as tenant ids only what is safe in a path, a header, a log line and a label', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (text) => {
        if (!isTenantId(text)) return;
        expect(text).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
        expect(text).not.toMatch(/^\.|\.$/);
      }),
    );
    expect(isTenantId('a..b')).toBe(true);
    expect(isTenantId('..')).toBe(false);
  });
});
