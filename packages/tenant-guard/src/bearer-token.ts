/** Longest token looked at, in characters (16 KiB); a longer one is refused before it is parsed. */
export const MAX_TOKEN_LENGTH = 16_384;

/** Three base64url parts: the compact form of a signed token (RFC 7515 section 3.1). */
const COMPACT_PATTERN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

const SCHEME_PATTERN = /^bearer(?: |$)/i;

/** What the `Authorization` fields of a request hold. */
export type BearerToken =
  | { readonly kind: 'absent' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'invalid'; readonly problem: string };

const ABSENT: BearerToken = { kind: 'absent' };

/** The bearer token (RFC 6750 section 2.1) of a request. Other schemes are not ours: no token. */
export function readBearerToken(values: readonly string[]): BearerToken {
  if (values.length > 1) return { kind: 'invalid', problem: 'more than one Authorization field' };
  const [value] = values;
  if (value === undefined || !SCHEME_PATTERN.test(value)) return ABSENT;
  if (value.length > MAX_TOKEN_LENGTH) return { kind: 'invalid', problem: 'too long' };
  const token = value.slice('bearer'.length).trim();
  if (!COMPACT_PATTERN.test(token))
    return { kind: 'invalid', problem: 'not a compact signed token' };
  return { kind: 'token', token };
}
