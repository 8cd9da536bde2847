import {
  type DecisionRequest,
  type LimitRule,
  MAX_IDENTIFIER_LENGTH,
} from '@cortex-governance/core';
import { ExpiringMap } from './expiring-map.ts';
import { keyPart } from './limit-key.ts';

/**
 * The call ids that were admitted, so that asking again about one is free. Of the same tool, action,
 * tenant and subject only: two subjects may both number their calls from 1. No tenant can take all
 * places.
 */
export class CallIdTable {
  readonly #ids: ExpiringMap<string>;

  constructor(maxIds: number) {
    this.#ids = new ExpiringMap(maxIds);
  }

  get size(): number {
    return this.#ids.size;
  }

  has(key: string, nowMs: number): boolean {
    return this.#ids.get(key, nowMs) !== undefined;
  }

  /**
   * Remembers an id for `retainMs`; false when the table has no place for its tenant.
   * @param admission names the call that was admitted under it, for {@link remove}.
   */
  add(key: string, admission: string, nowMs: number, retainMs: number): boolean {
    return this.#ids.add(key, tenantOf(key), admission, nowMs + retainMs, nowMs);
  }

  /** Forgets an id, unless another call was admitted under it since. */
  remove(key: string, admission: string): void {
    this.#ids.deleteIf(key, admission);
  }
}

/**
 * Names a call for a {@link CallIdTable}, injectively; empty when the request has no usable id. An id
 * that is empty or longer than core lets through is no id: the call is charged.
 */
export function callIdKey(rule: LimitRule, request: DecisionRequest): string {
  const { callId, tenant, subject } = request;
  if (typeof callId !== 'string') return '';
  if (callId.length === 0 || callId.length > MAX_IDENTIFIER_LENGTH) return '';
  return (
    keyPart(tenant) +
    (rule.shadow ? 's' : 'e') +
    keyPart(rule.tool) +
    keyPart(rule.action) +
    keyPart(subject.type) +
    keyPart(subject.id) +
    callId
  );
}

/** The first part of a key. */
function tenantOf(key: string): string {
  const start = key.indexOf(':') + 1;
  return key.slice(start, start + Number(key.slice(0, start - 1)));
}
