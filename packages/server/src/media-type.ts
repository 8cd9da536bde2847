// RFC 9110 section 8.3.1: a type, and parameters whose value is a token or a quoted string.
const JSON_TYPE = /^application\/json[ \t]*(?:;(.*))?$/i;
const PARAMETER =
  /^[ \t]*([!#$%&'*+\-.^_`|~0-9a-z]+)=(?:"([^"\\]*)"|([!#$%&'*+\-.^_`|~0-9a-z]+))[ \t]*$/i;

/** Says why a `Content-Type` is not JSON in UTF-8, or null when it is. Parameters but `charset` do not matter. */
export function findMediaTypeProblem(header: string | undefined): string | null {
  if (header === undefined) return 'Content-Type is missing; it must be application/json';
  const match = JSON_TYPE.exec(header.trim());
  if (match === null) return 'Content-Type must be application/json';
  for (const parameter of (match[1] ?? '').split(';')) {
    if (parameter.trim() === '') continue;
    const parts = PARAMETER.exec(parameter);
    if (parts === null) return 'Content-Type has a malformed parameter';
    const charset = (parts[2] ?? parts[3] ?? '').toLowerCase();
    if (parts[1]?.toLowerCase() === 'charset' && charset !== 'utf-8' && charset !== 'utf8') {
      return 'Content-Type must have the charset utf-8';
    }
  }
  return null;
}
