import { type Logger, parseOptions, type TenantRegistry } from '@cortex-governance/core';
import { readBearerToken } from './bearer-token.ts';
import { EventThrottle } from './event-throttle.ts';
import { type RequestHeaders, readFields } from './request-headers.ts';
import {
  type TenantContext,
  type TenantDenial,
  type TenantDenialCode,
  type TenantOrigin,
  tenantDenial,
} from './tenant-context.ts';
import { type TenantCounters, TenantTally } from './tenant-counters.ts';
import {
  type ResolvedTenantGuardOptions,
  type TenantGuardOptions,
  tenantGuardOptionsSchema,
} from './tenant-guard-options.ts';
import { DEFAULT_TENANT, isTenantId } from './tenant-id.ts';
import { TokenVerifier } from './token-verifier.ts';
import { TrustedPeers } from './trusted-peers.ts';

/** What a request says about whose it is. */
export interface TenantSource {
  readonly headers: RequestHeaders;
  /** Address of the peer at the other end of the connection, as the socket reports it; never from a header. */
  readonly remoteAddress: string | undefined;
  /** The tenant that the body names. Anything but undefined must equal the derived tenant. */
  readonly bodyTenant?: unknown;
}

/** Knows the tenants, and finds out whose a request is. */
export interface TenantGuard extends TenantRegistry {
  /** Null for a known tenant; otherwise TENANT_MISSING, TENANT_MALFORMED or TENANT_UNKNOWN. No I/O. */
  check(tenant: string): 'TENANT_MISSING' | 'TENANT_MALFORMED' | 'TENANT_UNKNOWN' | null;
  /** Whose request this is, or why nobody's. Never rejects; may fetch keys when tokens are configured by URL. */
  derive(source: TenantSource): Promise<TenantContext | TenantDenial>;
  /** The known tenants. */
  tenants(): readonly string[];
  counters(): TenantCounters;
}

/**
 * A guard for these tenants; without any, for the one tenant `default`.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createTenantGuard(options: TenantGuardOptions = {}): TenantGuard {
  return new Guard(parseOptions(tenantGuardOptionsSchema, options, 'createTenantGuard(options)'));
}

const AUTHORIZATION = 'authorization';

/** 1 to 128 printable ASCII characters, no space or comma at either end, no comma anywhere. */
const PURPOSE_PATTERN = /^[!-+\--~](?:[ -+\--~]{0,126}[!-+\--~])?$/;

/** A tenant with what vouches for it, not yet known to exist. */
interface Claimed {
  readonly tenant: unknown;
  readonly source: TenantOrigin;
  readonly subject?: string;
}

/** The fields of one request that matter here. */
interface Fields {
  readonly header: string | undefined;
  readonly purpose: string | undefined;
  readonly authorization: readonly string[];
}

class Guard implements TenantGuard {
  readonly #known: ReadonlySet<string>;
  readonly #single: boolean;
  readonly #failClosed: boolean;
  readonly #headerName: string;
  readonly #purposeName: string;
  readonly #peers: TrustedPeers;
  readonly #verifier: TokenVerifier | null;
  readonly #logger: Logger;
  readonly #throttle: EventThrottle;
  readonly #tally = new TenantTally();

  constructor(options: ResolvedTenantGuardOptions) {
    this.#single = options.tenants.length === 0;
    this.#known = new Set(this.#single ? [DEFAULT_TENANT] : options.tenants);
    this.#failClosed = options.failClosed;
    this.#headerName = options.header.name;
    this.#purposeName = options.header.purposeHeader;
    this.#peers = new TrustedPeers(options.header.trustedPeers);
    this.#verifier =
      options.tokens === undefined ? null : new TokenVerifier(options.tokens, options.clock);
    this.#logger = options.logger;
    this.#throttle = new EventThrottle(options.logger, options.clock);
    if (!this.#failClosed) this.#logger.warn('TENANT_FALLBACK_ENABLED', { tenant: DEFAULT_TENANT });
  }

  check(tenant: string): 'TENANT_MISSING' | 'TENANT_MALFORMED' | 'TENANT_UNKNOWN' | null {
    if (this.#known.has(tenant)) return null;
    if (tenant === '') {
      this.#tally.missingContext += 1;
      return 'TENANT_MISSING';
    }
    return isTenantId(tenant) ? 'TENANT_UNKNOWN' : 'TENANT_MALFORMED';
  }

  async derive(source: TenantSource): Promise<TenantContext | TenantDenial> {
    let outcome: TenantContext | TenantDenialCode;
    try {
      outcome = await this.#derive(source);
    } catch (error) {
      this.#throttle.log('error', 'TENANT_GUARD_FAULT', { error });
      outcome = 'ENGINE_FAULT';
    }
    if (typeof outcome !== 'string') return outcome;
    this.#tally.denied(outcome);
    return tenantDenial(outcome);
  }

  tenants(): readonly string[] {
    return [...this.#known];
  }

  counters(): TenantCounters {
    return this.#tally.snapshot();
  }

  async #derive(source: TenantSource): Promise<TenantContext | TenantDenialCode> {
    const fields = this.#readFields(source.headers);
    if (typeof fields === 'string') return fields;
    const claimed = await this.#claim(fields, source.remoteAddress);
    if (typeof claimed === 'string') return claimed;

    const { tenant } = claimed;
    if (!isTenantId(tenant)) return 'TENANT_MALFORMED';
    if (!this.#known.has(tenant)) return 'TENANT_UNKNOWN';
    if (source.bodyTenant !== undefined && source.bodyTenant !== tenant) return 'TENANT_CONFLICT';

    const purposeProblem = this.#purposeProblem(fields, claimed.source, source.remoteAddress);
    if (purposeProblem !== null) return purposeProblem;
    return {
      ok: true,
      tenant,
      ...(claimed.subject === undefined ? {} : { subject: claimed.subject }),
      ...(fields.purpose === undefined ? {} : { purpose: fields.purpose }),
      source: claimed.source,
    };
  }

  /** The fields that matter, or the code when one of them is given more than once or is malformed. */
  #readFields(headers: RequestHeaders): Fields | TenantDenialCode {
    const found = readFields(headers, [this.#headerName, this.#purposeName, AUTHORIZATION]);
    if (found === null) return 'REQUEST_INVALID';
    const tenants = found.get(this.#headerName) ?? [];
    const purposes = found.get(this.#purposeName) ?? [];
    const [header] = tenants;
    // Servers join repeated fields with a comma; equal values are refused too, for one tenant is named once.
    if (tenants.length > 1 || header?.includes(',')) return 'TENANT_CONFLICT';
    const [purpose] = purposes;
    if (purposes.length > 1) return 'REQUEST_INVALID';
    return { header, purpose, authorization: found.get(AUTHORIZATION) ?? [] };
  }

  /** Who the request says it is, on what authority. */
  async #claim(fields: Fields, peer: string | undefined): Promise<Claimed | TenantDenialCode> {
    const { header } = fields;
    const bearer =
      this.#verifier === null
        ? ({ kind: 'absent' } as const)
        : readBearerToken(fields.authorization);
    if (bearer.kind === 'absent') return this.#claimWithoutToken(header, peer);
    if (header !== undefined && !isTenantId(header)) return 'TENANT_MALFORMED';
    if (bearer.kind === 'invalid') return this.#refuseToken(bearer.problem, peer);

    const claimed = await this.#claimFromToken(bearer.token, peer);
    if (typeof claimed === 'string' || header === undefined) return claimed;
    // Beside a token the header proves nothing, so it needs no trust; it must only not contradict.
    return header === claimed.tenant ? claimed : 'TENANT_CONFLICT';
  }

  #claimWithoutToken(
    header: string | undefined,
    peer: string | undefined,
  ): Claimed | TenantDenialCode {
    if (header === undefined) return this.#claimNothing(peer);
    if (this.#peers.includes(peer)) return { tenant: header, source: 'header' };
    // With a single tenant there is nothing to find out by guessing, so the caller is told what is wrong.
    if (this.#single && header !== DEFAULT_TENANT) {
      return isTenantId(header) ? 'TENANT_UNKNOWN' : 'TENANT_MALFORMED';
    }
    return 'TENANT_SOURCE_UNTRUSTED';
  }

  #claimNothing(peer: string | undefined): Claimed | TenantDenialCode {
    if (this.#single) return { tenant: DEFAULT_TENANT, source: 'default' };
    if (this.#failClosed || !this.#known.has(DEFAULT_TENANT)) return 'TENANT_MISSING';
    this.#tally.missingContext += 1;
    this.#tally.fallbacks += 1;
    this.#throttle.log('warn', 'TENANT_FALLBACK_USED', { tenant: DEFAULT_TENANT, peer });
    return { tenant: DEFAULT_TENANT, source: 'default' };
  }

  async #claimFromToken(
    token: string,
    peer: string | undefined,
  ): Promise<Claimed | TenantDenialCode> {
    if (this.#verifier === null) return 'TENANT_TOKEN_INVALID';
    const check = await this.#verifier.verify(token);
    if (check.kind === 'keys_unavailable') {
      this.#tally.keysUnavailable += 1;
      this.#throttle.log('error', 'TENANT_KEYS_UNAVAILABLE', { problem: check.problem });
      return 'TENANT_TOKEN_INVALID';
    }
    if (check.kind === 'invalid') return this.#refuseToken(check.problem, peer);
    const { tenant, subject } = check;
    if (tenant === undefined) return 'TENANT_MISSING';
    return subject === undefined
      ? { tenant, source: 'token' }
      : { tenant, subject, source: 'token' };
  }

  #refuseToken(problem: string, peer: string | undefined): TenantDenialCode {
    this.#throttle.log('warn', 'TENANT_TOKEN_REFUSED', { problem, peer });
    return 'TENANT_TOKEN_INVALID';
  }

  /** Why the purpose is not taken: only a caller that a token or a trusted peer vouches for may state one. */
  #purposeProblem(
    fields: Fields,
    origin: TenantOrigin,
    peer: string | undefined,
  ): TenantDenialCode | null {
    if (fields.purpose === undefined) return null;
    if (origin === 'default' && !this.#peers.includes(peer)) return 'TENANT_SOURCE_UNTRUSTED';
    return PURPOSE_PATTERN.test(fields.purpose) ? null : 'REQUEST_INVALID';
  }
}
