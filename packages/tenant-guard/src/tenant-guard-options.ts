import { BlockList } from 'node:net';
import { type Clock, type Logger, silentLogger, systemClock } from '@cortex-governance/core';
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { findKeySetProblem } from './json-web-keys.ts';
import { isTenantId } from './tenant-id.ts';
import { findPeerProblem } from './trusted-peers.ts';

/** Most tenants of one guard. */
export const MAX_TENANTS = 100_000;

/** Most entries of `header.trustedPeers`. Each is compared with the peer of a request that sends the header. */
export const MAX_TRUSTED_PEERS = 1000;

/**
 * Signature algorithms accepted unless named otherwise. All are asymmetric; `none` and `HS*` cannot
 * be configured at all: with them, whoever reads the public keys can sign (RFC 8725 section 2.1).
 */
export const DEFAULT_ALGORITHMS = ['EdDSA', 'ES256', 'RS256', 'PS256'] as const;

const ALGORITHMS = [
  ...DEFAULT_ALGORITHMS,
  'Ed25519',
  'ES384',
  'ES512',
  'RS384',
  'RS512',
  'PS384',
  'PS512',
] as const;

/** Claim that names the tenant. */
export const DEFAULT_TENANT_CLAIM = 'tenant';

/** Claim that names the subject (RFC 7519 section 4.1.2). */
export const DEFAULT_SUBJECT_CLAIM = 'sub';

/** Allowed difference between our clock and the issuer's, in seconds. More would keep dead tokens alive. */
export const DEFAULT_CLOCK_TOLERANCE_SECONDS = 5;

const MAX_CLOCK_TOLERANCE_SECONDS = 300;

/** Header in which a trusted peer names the tenant. */
export const DEFAULT_TENANT_HEADER = 'x-tenant-id';

/** Header in which a caller says why it asks. */
export const DEFAULT_PURPOSE_HEADER = 'x-purpose';

/** Longest wait for the keys of `jwksUri`, body included, in milliseconds; a request waits no longer. */
export const DEFAULT_JWKS_TIMEOUT_MS = 5000;

const MAX_JWKS_TIMEOUT_MS = 60_000;

const MAX_CLAIM_NAME_LENGTH = 256;

/** Field names of RFC 9110 section 5.1, without those that HTTP or the token check own. */
const HEADER_NAME_PATTERN = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/i;
const OWNED_HEADERS = new Set([
  'authorization',
  'content-length',
  'cookie',
  'host',
  'transfer-encoding',
]);

const headerName = z
  .string()
  .regex(HEADER_NAME_PATTERN, 'not a header name')
  .transform((name) => name.toLowerCase())
  .refine((name) => !OWNED_HEADERS.has(name), 'this header has another meaning');

const claimName = z.string().min(1).max(MAX_CLAIM_NAME_LENGTH);

const expected = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const keySet = z.custom<JSONWebKeySet>().superRefine((value, context) => {
  const problem = findKeySetProblem(value);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const keySetUri = z.string().superRefine((value, context) => {
  const problem = findUriProblem(value);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const tokens = z
  .strictObject({
    jwks: keySet.optional(),
    jwksUri: keySetUri.optional(),
    jwksTimeoutMs: z.int().min(1).max(MAX_JWKS_TIMEOUT_MS).default(DEFAULT_JWKS_TIMEOUT_MS),
    issuer: expected,
    audience: expected,
    algorithms: z
      .array(z.enum(ALGORITHMS))
      .min(1)
      .default([...DEFAULT_ALGORITHMS]),
    tenantClaim: claimName.default(DEFAULT_TENANT_CLAIM),
    subjectClaim: claimName.default(DEFAULT_SUBJECT_CLAIM),
    clockToleranceSeconds: z
      .number()
      .min(0)
      .max(MAX_CLOCK_TOLERANCE_SECONDS)
      .default(DEFAULT_CLOCK_TOLERANCE_SECONDS),
    maxTokenAgeSeconds: z.number().positive().optional(),
  })
  .refine((value) => (value.jwks === undefined) !== (value.jwksUri === undefined), {
    message: 'give either jwks or jwksUri',
  });

const trustedPeer = z.string().superRefine((peer, context) => {
  const problem = findPeerProblem(peer);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

const header = z
  .strictObject({
    name: headerName.default(DEFAULT_TENANT_HEADER),
    trustedPeers: z.array(trustedPeer).max(MAX_TRUSTED_PEERS).default([]),
    purposeHeader: headerName.default(DEFAULT_PURPOSE_HEADER),
  })
  .refine((value) => value.name !== value.purposeHeader, {
    message: 'name and purposeHeader are the same header',
  });

const tenantId = z.string().refine(isTenantId, 'not a tenant id');

export const tenantGuardOptionsSchema = z
  .strictObject({
    tenants: z.array(tenantId).max(MAX_TENANTS).default([]),
    tokens: tokens.optional(),
    header: header.prefault({}),
    failClosed: z.boolean().default(true),
    logger: z.custom<Logger>(isLogger, 'not a logger').default(silentLogger),
    clock: z.custom<Clock>(isClock, 'not a clock').default(systemClock),
  })
  .superRefine((value, context) => {
    const problem = findTenantsProblem(value.tenants);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['tenants'], message: problem });
    if (value.tokens !== undefined && value.tenants.length === 0) {
      // Without tenants every request is `default`, so the tokens would protect nothing.
      context.addIssue({
        code: 'custom',
        path: ['tokens'],
        message: 'tokens need the tenants to be named',
      });
    }
  });

/** Options of `createTenantGuard`; the README has the table of defaults. */
export type TenantGuardOptions = z.input<typeof tenantGuardOptionsSchema>;

/** {@link TenantGuardOptions} with every default filled in. */
export type ResolvedTenantGuardOptions = z.output<typeof tenantGuardOptionsSchema>;

/** How tokens are verified, with defaults filled in. */
export type ResolvedTokenOptions = NonNullable<ResolvedTenantGuardOptions['tokens']>;

function findTenantsProblem(tenants: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const tenant of tenants) {
    const folded = tenant.toLowerCase();
    if (seen.has(folded)) return `${tenant} is named twice, or in two letter cases`;
    seen.add(folded);
  }
  return null;
}

function findUriProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'not a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'a URL with credentials';
  if (url.protocol === 'https:') return null;
  if (url.protocol !== 'http:') return 'not an https URL';
  return isLoopback(url.hostname) ? null : 'http is only for loopback: use https';
}

function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname === '[::1]') return true;
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8);
  return loopback.check(hostname);
}

function isLogger(value: unknown): value is Logger {
  return hasMethods(value, ['debug', 'info', 'warn', 'error']);
}

function isClock(value: unknown): value is Clock {
  return hasMethods(value, ['monotonicMs', 'wallMs']);
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
