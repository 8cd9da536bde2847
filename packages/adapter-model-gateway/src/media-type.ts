// RFC 9110 section 8.3.1: a type, and parameters whose value is a token or a quoted string.
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-?8"?[ \t]*)?;?$/i;

/** Says why the headers do not announce plain JSON in UTF-8, or null when they do. */
export function findBodyHeaderProblem(headers: Headers): string | null {
  const type = headers.get('content-type');
  if (type === null) return 'Content-Type is missing; it must be application/json';
  if (!JSON_TYPE.test(type.trim())) return 'Content-Type must be application/json in UTF-8';
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') {
    return 'Content-Encoding is not supported';
  }
  return null;
}
