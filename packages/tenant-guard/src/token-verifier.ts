import { type Clock, errorMessage, MAX_IDENTIFIER_LENGTH } from '@cortex-governance/core';
import { createLocalJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { createRemoteKeys, KeysUnavailableError } from './remote-keys.ts';
import type { ResolvedTokenOptions } from './tenant-guard-options.ts';

/**
 * Values of the token's `typ` that are accepted, beside none at all: a plain token, and an access
 * token (RFC 9068). Every other kind that an issuer signs (logout, security event, proof of
 * possession, …) is refused, because it was not made to be let in with (RFC 8725 section 3.11).
 */
const TOKEN_TYPES = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** What a token says, once its signature, issuer, audience and times are verified. */
export type TokenCheck =
  | { readonly kind: 'verified'; readonly tenant: unknown; readonly subject: string | undefined }
  /** `problem` is for the log alone: a caller is never told why. */
  | { readonly kind: 'invalid'; readonly problem: string }
  | { readonly kind: 'keys_unavailable'; readonly problem: string };

/** Verifies signed tokens. Never rejects. */
export class TokenVerifier {
  readonly #options: ResolvedTokenOptions;
  readonly #clock: Clock;
  readonly #keys: JWTVerifyGetKey;

  constructor(options: ResolvedTokenOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    const { jwks, jwksUri = '', jwksTimeoutMs } = options;
    this.#keys =
      jwks === undefined
        ? createRemoteKeys(new URL(jwksUri), jwksTimeoutMs, clock)
        : createLocalJWKSet(jwks);
  }

  async verify(token: string): Promise<TokenCheck> {
    try {
      return this.#readClaims(await this.#verifiedClaims(token));
    } catch (error) {
      if (isKeysFault(error)) return { kind: 'keys_unavailable', problem: errorMessage(error) };
      return {
        kind: 'invalid',
        problem: error instanceof errors.JOSEError ? error.code : 'malformed',
      };
    }
  }

  async #verifiedClaims(token: string): Promise<JWTPayload> {
    const { issuer, audience, algorithms, clockToleranceSeconds, maxTokenAgeSeconds } =
      this.#options;
    const { payload, protectedHeader } = await jwtVerify(token, this.#keys, {
      issuer,
      audience,
      algorithms,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(this.#clock.wallMs()),
      // A token without an end would be valid for ever.
      requiredClaims: ['exp'],
      ...(maxTokenAgeSeconds === undefined ? {} : { maxTokenAge: maxTokenAgeSeconds }),
    });
    const { typ } = protectedHeader;
    if (typ !== undefined && !TOKEN_TYPES.has(String(typ).toLowerCase())) {
      throw new errors.JWTInvalid('unexpected "typ"');
    }
    return payload;
  }

  #readClaims(claims: JWTPayload): TokenCheck {
    const tenant = ownClaim(claims, this.#options.tenantClaim);
    const subject = ownClaim(claims, this.#options.subjectClaim);
    if (subject !== undefined && !isSubject(subject))
      return { kind: 'invalid', problem: 'subject' };
    return { kind: 'verified', tenant, subject };
  }
}

/** A claim's value; a name such as `constructor` finds nothing that the token does not say itself. */
function ownClaim(claims: JWTPayload, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function isSubject(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_IDENTIFIER_LENGTH &&
    value.isWellFormed()
  );
}

function isKeysFault(error: unknown): boolean {
  return (
    error instanceof KeysUnavailableError ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid
  );
}
