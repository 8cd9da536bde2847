/** Most header fields looked at in one request; Node's own limit for a parsed request is the same. */
export const MAX_HEADER_FIELDS = 2000;

/**
 * The headers of a request, in any of the forms in which servers keep them: Node's `headers`, Node's
 * `rawHeaders` (names and values in turn), or pairs such as a Fetch `Headers`. Prefer `rawHeaders`: in
 * Node's `headers` a second `Authorization` is already gone.
 */
export type RequestHeaders =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | readonly string[]
  | Iterable<readonly [string, string]>;

/**
 * The values of some header fields, by lower-case name, whatever the letter case in the request;
 * null when the headers are not well formed.
 * @param names lower-case field names.
 */
export function readFields(
  headers: RequestHeaders,
  names: readonly string[],
): ReadonlyMap<string, readonly string[]> | null {
  const values = new Map<string, string[]>(names.map((name) => [name, []]));
  let fields = 0;
  for (const [name, value] of eachField(headers)) {
    fields += 1;
    if (fields > MAX_HEADER_FIELDS || typeof name !== 'string') return null;
    const found = values.get(name.toLowerCase());
    if (found === undefined || value === undefined) continue;
    if (!addValues(found, value)) return null;
  }
  return values;
}

function addValues(found: string[], value: unknown): boolean {
  for (const item of Array.isArray(value) ? value : [value]) {
    if (typeof item !== 'string') return false;
    found.push(item);
    // Two are as wrong as many: what follows refuses both.
    if (found.length > 1) return true;
  }
  return true;
}

function eachField(headers: RequestHeaders): Iterable<readonly [unknown, unknown]> {
  if (Array.isArray(headers)) {
    return typeof headers[0] === 'string' ? eachRawField(headers) : headers;
  }
  if (Symbol.iterator in headers) return headers as Iterable<readonly [unknown, unknown]>;
  return Object.entries(headers);
}

function* eachRawField(raw: readonly unknown[]): Generator<readonly [unknown, unknown]> {
  // A name without a value yields null as its value, which is refused when it matters.
  for (let i = 0; i < raw.length; i += 2) yield [raw[i], raw[i + 1] ?? null];
}
