import { describeTenantRegistry } from '@cortex-governance/testkit';
import { describe, expect, it } from 'vitest';
import { createTenantGuard } from '../src/index.ts';

describeTenantRegistry('createTenantGuard(), single-tenant', () => ({
  registry: createTenantGuard(),
  known: ['default'],
}));

describeTenantRegistry('createTenantGuard(), strict', () => {
  const known = ['acme', 'Globex-2', 'a', 'x.y_z', 'a'.repeat(64)];
  return { registry: createTenantGuard({ tenants: known }), known };
});

describeTenantRegistry('createTenantGuard(), failClosed: false', () => ({
  registry: createTenantGuard({ tenants: ['default', 'acme'], failClosed: false }),
  known: ['default', 'acme'],
}));

describe('check', () => {
  const guard = createTenantGuard({ tenants: ['acme'] });

  it.each([
    ['', 'TENANT_MISSING'],
    ['globex', 'TENANT_UNKNOWN'],
    ['default', 'TENANT_UNKNOWN'],
    ['ACME', 'TENANT_UNKNOWN'],
    ['constructor', 'TENANT_UNKNOWN'],
    ['__proto__', 'TENANT_MALFORMED'],
    ['-acme', 'TENANT_MALFORMED'],
    ['acme-', 'TENANT_MALFORMED'],
    ['acme\n', 'TENANT_MALFORMED'],
    ['a'.repeat(64), 'TENANT_UNKNOWN'],
    ['a'.repeat(65), 'TENANT_MALFORMED'],
  ])('answers %j with %s', (tenant, code) => {
    expect(guard.check(tenant)).toBe(code);
  });

  it('denies what is not a string, for callers without types', () => {
    for (const value of [undefined, null, 0, {}, ['acme'], { toString: () => 'acme' }]) {
      expect(guard.check(value as never)).toBe('TENANT_MALFORMED');
    }
  });

  it('counts decisions without a tenant', () => {
    const counted = createTenantGuard({ tenants: ['acme'] });
    for (const tenant of ['', 'acme', '', 'other', '!']) counted.check(tenant);
    expect(counted.counters().missingContext).toBe(2);
  });

  it('knows exactly the tenants that are named', () => {
    expect(createTenantGuard().tenants()).toEqual(['default']);
    expect(guard.tenants()).toEqual(['acme']);
  });
});
