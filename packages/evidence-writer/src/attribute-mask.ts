import { type PropertiesCopy, UNCOPYABLE } from './attribute-snapshot.ts';
import { RECORDS_ERASED } from './erasure-announcement.ts';
import type { QueuedItem } from './queued-item.ts';

/** Stands in place of a value that is masked. */
export const MASKED = '[masked]';

/** Matches every member of an object and every element of an array; not part of RFC 6901. */
const ANY = '*';

/** Most tokens of a pointer. */
const MAX_TOKENS = 32;

/** Where pointers may lead: the parts of a request of which records hold digests, and events. */
const ROOTS = Object.freeze({
  '/action/properties': 'properties',
  '/subject/properties': 'subjectProperties',
  '/resource/properties': 'resourceProperties',
  '/context': 'context',
  '/event': 'event',
} as const);

type Root = (typeof ROOTS)[keyof typeof ROOTS];

interface MaskNode {
  /** The value itself is masked. */
  isMasked: boolean;
  readonly children: Map<string, MaskNode>;
}

/**
 * Replaces values of requests and events before they are hashed or written, so that neither the log nor
 * a guess at a digest can give them away. Pointers are JSON Pointers (RFC 6901) into the request, such as
 * `/action/properties/password`, `/context/user/email`, `/subject/properties/name`, or into an event's
 * properties, such as `/event/who`; the token `*` stands for every member or element.
 */
export class AttributeMask {
  readonly #roots = new Map<Root, MaskNode>();

  /** @param pointers each without a problem, see {@link findMaskProblem}. */
  constructor(pointers: readonly string[]) {
    for (const pointer of pointers) {
      const place = placeOf(pointer);
      if (place === null) throw new TypeError(`not a mask: ${pointer}`);
      let node = this.#roots.get(place.root) ?? newNode();
      this.#roots.set(place.root, node);
      for (const token of place.tokens) {
        const child = node.children.get(token) ?? newNode();
        node.children.set(token, child);
        node = child;
      }
      node.isMasked = true;
    }
  }

  /** Masks what the item holds, in place: its properties are private copies. */
  apply(item: QueuedItem): void {
    if (this.#roots.size === 0) return;
    if (item.kind === 'event') {
      // Without its ranges an announcement would announce nothing, and every erased record be a fault.
      if (item.name !== RECORDS_ERASED) this.#maskRoot('event', item.properties);
      return;
    }
    this.#maskRoot('properties', item.properties);
    this.#maskRoot('subjectProperties', item.subjectProperties);
    this.#maskRoot('resourceProperties', item.resourceProperties);
    this.#maskRoot('context', item.context);
  }

  #maskRoot(root: Root, value: PropertiesCopy): void {
    const node = this.#roots.get(root);
    if (node === undefined || value === null || value === UNCOPYABLE) return;
    maskMembers(value as Record<string, unknown>, node);
  }
}

/** Why a string is not a pointer that masks something; null when it is one. */
export function findMaskProblem(pointer: string): string | null {
  if (/~(?![01])/.test(pointer)) return 'has a ~ that is neither ~0 nor ~1 (RFC 6901)';
  const place = placeOf(pointer);
  if (place === null) return `must lead below one of ${Object.keys(ROOTS).join(', ')}`;
  return place.tokens.length > MAX_TOKENS ? `has more than ${MAX_TOKENS} tokens` : null;
}

function placeOf(pointer: string): { root: Root; tokens: readonly string[] } | null {
  for (const [prefix, root] of Object.entries(ROOTS)) {
    if (!pointer.startsWith(`${prefix}/`)) continue;
    const tokens = pointer.slice(prefix.length + 1).split('/');
    return { root, tokens: tokens.map(unescapeToken) };
  }
  return null;
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

function newNode(): MaskNode {
  return { isMasked: false, children: new Map() };
}

function maskMembers(value: Record<string, unknown>, node: MaskNode): void {
  const any = node.children.get(ANY);
  if (any !== undefined) for (const name of Object.keys(value)) maskMember(value, name, any);
  for (const [name, child] of node.children) {
    if (name !== ANY && hasMember(value, name)) maskMember(value, name, child);
  }
}

function hasMember(value: Record<string, unknown>, name: string): boolean {
  // An array's `length` is no element.
  return Object.hasOwn(value, name) && (!Array.isArray(value) || /^(0|[1-9]\d*)$/.test(name));
}

function maskMember(value: Record<string, unknown>, name: string, node: MaskNode): void {
  const member = value[name];
  if (member === undefined) return;
  if (node.isMasked) value[name] = MASKED;
  else if (typeof member === 'object' && member !== null) {
    maskMembers(member as Record<string, unknown>, node);
  }
}
