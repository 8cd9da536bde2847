/** Longest DNS name, in characters. */
const MAX_HOST_LENGTH = 253;

/** One entry of `egress.hosts`. */
export interface EgressHost {
  /** As the WHATWG URL parser spells it. For a wildcard, the part behind `*`, with its dot. */
  readonly host: string;
  readonly wildcard: boolean;
  /** Empty when only the default port of the URL's scheme is meant. */
  readonly port: string;
}

/** The parsed entry, or the reason why it is refused. */
export function parseEgressHost(entry: string): EgressHost | string {
  if (entry.length > MAX_HOST_LENGTH) return `is longer than ${MAX_HOST_LENGTH} characters`;
  const wildcard = entry.startsWith('*.');
  const authority = wildcard ? entry.slice(2) : entry;
  if (authority.includes('*')) return 'may have "*" only as its whole first label';
  if (/[\s/\\@?#%]/.test(authority) || authority === '')
    return 'is not a host name, such as api.example.com';
  if (authority.endsWith('.')) return 'ends with a dot';
  const url = parseUrl(`http://${authority}`);
  if (url === null || url.hostname === '') return 'is not a host name, such as api.example.com';
  // Read from the text, because the parser drops the default port of a scheme.
  const written = /:(\d+)$/.exec(authority)?.[1];
  const port = written === undefined ? '' : String(Number(written));
  if (!wildcard) return { host: url.hostname, wildcard, port };
  if (!url.hostname.includes('.') || isAddress(url.hostname))
    return 'is too wide: name at least two labels after "*."';
  return { host: `.${url.hostname}`, wildcard, port };
}

/** Says why an entry of `egress.hosts` is refused, or null. */
export function findEgressHostProblem(entry: string): string | null {
  const parsed = parseEgressHost(entry);
  return typeof parsed === 'string' ? parsed : null;
}

export function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

/** Whether a host name as the URL parser spells it is an IP address. */
export function isAddress(hostname: string): boolean {
  return hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
}
