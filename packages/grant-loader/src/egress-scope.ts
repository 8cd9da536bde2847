import type { DenialCode } from '@cortex-governance/core';
import { isAddress, parseEgressHost, parseUrl } from './egress-host.ts';

/** Text that a URL parser would take for an absolute URL of a scheme that reaches a host or a file. */
const URL_START = /^[\0-\x20]*(?:https?|wss?|ftps?|file):/i;

/** Scheme and authority as RFC 3986 writes them. The authority holds no user and no escapes. */
const STRICT_URL = /^(?:https?|wss?|ftp):\/\/[^\s/?#@%]+(?:[/?#]|$)/i;

/** Longest URL that is judged, in UTF-16 code units. */
const MAX_URL_LENGTH = 65_536;

/** Whether a string is to be judged as a URL wherever it appears. */
export function isUrlText(text: string): boolean {
  // Nearly every string is none; looking for one character costs a tenth.
  return text.includes(':') && URL_START.test(withoutTabsAndNewlines(text));
}

/** The text as the WHATWG URL parser reads it: it drops tabs and newlines anywhere, also in a scheme. */
export function withoutTabsAndNewlines(text: string): string {
  return text.replace(/[\t\n\r]/g, '');
}

/** The hosts that a grant covers. Without `egress`, none. */
export class EgressScope {
  /** Whether the grant has an `egress` member at all. */
  readonly declared: boolean;
  /** `host` or `host:port`, as the URL parser spells the host. */
  readonly #exact: ReadonlySet<string>;
  /** Ends of host names with their leading dot, by port ('' for the default one). */
  readonly #wildcards: readonly { readonly end: string; readonly port: string }[];

  /** @param hosts of `egress`, as the grant's schema accepts them. */
  constructor(hosts: readonly string[] | undefined) {
    this.declared = hosts !== undefined;
    const exact = new Set<string>();
    const wildcards: { end: string; port: string }[] = [];
    for (const entry of hosts ?? []) {
      const parsed = parseEgressHost(entry);
      if (typeof parsed === 'string') continue;
      if (parsed.wildcard) wildcards.push({ end: parsed.host, port: parsed.port });
      else exact.add(withPort(parsed.host, parsed.port));
    }
    this.#exact = exact;
    this.#wildcards = wildcards;
  }

  /**
   * Judges a URL. Everything that two parsers may read differently is refused: a user in front of the
   * host, backslashes, white space and control characters, escapes in the host, a missing `//`.
   * The host is compared as the WHATWG URL parser spells it (lower case, IDNs in their ASCII form); a
   * host with a trailing dot is another host. An entry without a port means the scheme's default one.
   */
  check(text: string): DenialCode | null {
    if (text.length > MAX_URL_LENGTH || !text.isWellFormed()) return 'ARGUMENT_INVALID';
    if (/[\0-\x20\x7f-\x9f\\]/.test(text) || !STRICT_URL.test(text)) return 'HOST_NOT_ALLOWED';
    const url = parseUrl(text);
    if (url === null || url.username !== '' || url.password !== '') return 'HOST_NOT_ALLOWED';
    return this.#covers(url.hostname, url.port, defaultPort(url.protocol))
      ? null
      : 'HOST_NOT_ALLOWED';
  }

  #covers(host: string, port: string, standard: string): boolean {
    if (port === '' && this.#exact.has(host)) return true;
    const effective = port === '' ? standard : port;
    if (this.#exact.has(withPort(host, effective))) return true;
    if (isAddress(host)) return false;
    return this.#wildcards.some(
      (wildcard) =>
        (wildcard.port === '' ? port === '' : wildcard.port === effective) &&
        host.length > wildcard.end.length &&
        host.endsWith(wildcard.end),
    );
  }
}

function withPort(host: string, port: string): string {
  return port === '' ? host : `${host}:${port}`;
}

function defaultPort(protocol: string): string {
  if (protocol === 'http:' || protocol === 'ws:') return '80';
  return protocol === 'ftp:' ? '21' : '443';
}
