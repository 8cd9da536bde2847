/** What a secret's name contains, in lower case and without separators. */
const PARTS =
  /authorization|password|passwd|passphrase|secret|cookie|credential|token|bearer|jwt|apikey|accesskey|authkey|encryptionkey|masterkey|privatekey|sharedkey|signingkey|sessionid/;

/** Names that are a secret's only when they are the whole name. */
const WHOLE = new Set(['auth', 'key', 'keys', 'otp', 'pass', 'pin', 'pwd', 'session']);

const SEPARATORS = /[^a-z0-9]/g;

/** Secrets inside texts: credentials of HTTP schemes and of URLs, signed tokens, private keys. */
const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/\b(Basic|Bearer|DPoP)\s+[\w.~+/=-]+/gi, '$1 [redacted]'],
  [/\b([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#@]{1,512}@/gi, '$1[redacted]@'],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[redacted]'],
  [/-----BEGIN ([A-Z ]{0,32}PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, '[redacted]'],
];

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** A name in the form in which names are compared: lower case, no separators. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(SEPARATORS, '');
}

/**
 * Whether the member is a secret by its name. Numbers of tokens (`maxTokens`, `tokenCount`) are not.
 * @param extra further names, as {@link normalizeName} returns them.
 */
export function isSecretName(name: string, value: unknown, extra: ReadonlySet<string>): boolean {
  const normal = normalizeName(name);
  if (extra.has(normal) || WHOLE.has(normal)) return true;
  if (!PARTS.test(normal)) return false;
  const counts = typeof value === 'number' && normal.includes('token') && !normal.endsWith('token');
  return !counts;
}

/** The text without the secrets that can be told by their shape. */
export function redactText(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of SECRET_TEXTS) clean = clean.replace(pattern, replacement);
  return clean;
}
