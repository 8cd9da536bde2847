import { isIP } from 'node:net';

const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];
// RFC 9110 section 7.2: a host and an optional port.
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?$/i;

/** Whether an address, or the name `localhost`, is this machine's loopback. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * A check of the `Host` header. On loopback it keeps web pages out: a page whose name was re-bound to
 * 127.0.0.1 still sends its own name. On other addresses every well-formed name passes, unless
 * names are given.
 */
export function createHostCheck(
  boundHost: string,
  allowedHosts: readonly string[],
): (header: string | undefined) => boolean {
  const open = !isLoopback(boundHost) && allowedHosts.length === 0;
  const bound = boundHost.includes(':') ? `[${boundHost}]` : boundHost;
  const names = new Set(
    [...LOOPBACK_NAMES, bound, ...allowedHosts].map((name) => name.toLowerCase()),
  );
  return (header) => {
    const name = HOST.exec(header ?? '')?.[1]?.toLowerCase();
    return name !== undefined && (open || names.has(name));
  };
}
