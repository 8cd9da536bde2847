import { BlockList, isIP } from 'node:net';

const IPV4_MAPPED = /^::ffff:/i;

const PREFIX_PATTERN = /^\d{1,3}$/;

interface PeerRange {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  /** Null for a single address. */
  readonly prefix: number | null;
}

/** Says why a text is not an address or a CIDR range of peers to trust, or null when it is. */
export function findPeerProblem(text: string): string | null {
  const range = parseRange(text);
  return typeof range === 'string' ? range : null;
}

/** The peers whose headers are believed, by address alone. */
export class TrustedPeers {
  readonly #ranges = new BlockList();

  /** @param peers texts for which {@link findPeerProblem} returns null. */
  constructor(peers: readonly string[]) {
    for (const peer of peers) {
      const range = parseRange(peer);
      if (typeof range === 'string') throw new TypeError(range);
      const { address, prefix, family } = range;
      if (prefix === null) this.#ranges.addAddress(address, family);
      else this.#ranges.addSubnet(address, prefix, family);
    }
  }

  /**
   * Whether the address belongs to a trusted peer. An IPv4 address in IPv6 form (`::ffff:10.0.0.1`,
   * as a dual-stack socket reports it) is that IPv4 address. Anything that is not an address is not
   * trusted: an empty one (a local socket, a peer that went away), a name, a port.
   */
  includes(address: unknown): boolean {
    if (typeof address !== 'string') return false;
    const zone = address.indexOf('%');
    const bare = zone === -1 ? address : address.slice(0, zone);
    const family = isIP(bare);
    return family !== 0 && this.#ranges.check(bare, family === 4 ? 'ipv4' : 'ipv6');
  }
}

function parseRange(text: string): PeerRange | string {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return 'not an IP address or CIDR range';
  if (version === 6 && IPV4_MAPPED.test(address)) return 'an IPv4-mapped address: write it as IPv4';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (slash === -1) return { address, family, prefix: null };
  const digits = text.slice(slash + 1);
  const prefix = Number(digits);
  if (!PREFIX_PATTERN.test(digits) || prefix > (version === 4 ? 32 : 128)) {
    return 'the CIDR prefix length is out of range';
  }
  return prefix === 0 ? 'this range trusts every peer' : { address, family, prefix };
}
