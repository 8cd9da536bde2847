import { REASON_CODES, type TenantRegistry } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** A registry under test, and the tenants that it must know: all of them, and no other. */
export interface TenantRegistryFixture {
  readonly registry: TenantRegistry;
  /** At least one. */
  readonly known: readonly string[];
}

/** Strings that end up as keys of careless lookups, or that break out of a path, a header or a log line. */
const HOSTILE_TENANTS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '../default',
  'a/b',
  'a\\b',
  'default\u0000',
  'default ',
  ' default',
  'default\n',
  'default,default',
  '*',
  '\ud800',
  'x'.repeat(100_000),
];

/** The cases that every {@link TenantRegistry} must pass. Call at the top level of a test file. */
export function describeTenantRegistry(name: string, factory: () => TenantRegistryFixture): void {
  describe(`${name} (TenantRegistry)`, () => {
    it('answers null for every known tenant', () => {
      const { registry, known } = factory();
      expect(known.length).toBeGreaterThan(0);
      for (const tenant of known) expect(registry.check(tenant), tenant).toBeNull();
    });

    it('answers TENANT_MISSING for the empty string', () => {
      expect(factory().registry.check('')).toBe('TENANT_MISSING');
    });

    it('denies hostile names, and answers the same every time', () => {
      const { registry, known } = factory();
      for (const tenant of HOSTILE_TENANTS.filter((hostile) => !known.includes(hostile))) {
        const code = registry.check(tenant);
        expect(code, JSON.stringify(tenant.slice(0, 32))).toMatch(/^TENANT_(MALFORMED|UNKNOWN)$/);
        expect(registry.check(tenant)).toBe(code);
      }
    });

    it('denies any other string with a denial code of the table, and never throws', () => {
      const { registry, known } = factory();
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (tenant) => {
          fc.pre(!known.includes(tenant));
          const code = registry.check(tenant);
          expect(code).not.toBeNull();
          if (code !== null) expect(REASON_CODES[code].effect).toBe('deny');
        }),
      );
    });

    it('takes the letter case, the ends and the parts of a known tenant for what they are', () => {
      const { registry, known } = factory();
      for (const tenant of known) {
        const near = [
          `${tenant}x`,
          `x${tenant}`,
          `${tenant}.`,
          tenant.toUpperCase(),
          tenant.slice(1),
        ];
        for (const other of near.filter((id) => !known.includes(id))) {
          expect(registry.check(other), other).not.toBeNull();
        }
      }
    });
  });
}
