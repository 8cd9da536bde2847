import type { DecisionRequest, Limit, LimitRule } from '@cortex-governance/core';
import { limitKey } from './limit-key.ts';

/** Callers of one limit that a thread remembers; beyond that it starts to remember anew, and hashes again. */
const MAX_CALLERS = 65_536;

type ById<T> = Map<string, T>;
type ByType<T> = Map<string, ById<T>>;

/**
 * What a thread knows of the callers of one limit, so that a call that it has seen before hashes nothing. Nested
 * maps: no string is built. Forgetting costs time and nothing else: the counters are in the shared memory.
 */
export class SharedKeyCache<T> {
  readonly #limit: Limit;
  readonly #rule: LimitRule;
  readonly #make: (text: string) => T;
  readonly #byTenant: boolean;
  readonly #bySubject: boolean;
  readonly #callers = new Map<string, ByType<T>>();
  #size = 0;
  /** The latest caller: calls come in runs. */
  #tenant = '';
  #type = '';
  #id = '';
  #latest: T | undefined;

  constructor(limit: Limit, rule: LimitRule, make: (text: string) => T) {
    this.#limit = limit;
    this.#rule = rule;
    this.#make = make;
    this.#byTenant = limit.by.includes('tenant');
    this.#bySubject = limit.by.includes('subject');
  }

  get(request: DecisionRequest): T {
    const tenant = this.#byTenant ? request.tenant : '';
    const type = this.#bySubject ? request.subject.type : '';
    const id = this.#bySubject ? request.subject.id : '';
    if (
      this.#latest !== undefined &&
      id === this.#id &&
      tenant === this.#tenant &&
      type === this.#type
    ) {
      return this.#latest;
    }
    const known =
      this.#callers.get(tenant)?.get(type)?.get(id) ?? this.#add(request, tenant, type, id);
    this.#tenant = tenant;
    this.#type = type;
    this.#id = id;
    this.#latest = known;
    return known;
  }

  #add(request: DecisionRequest, tenant: string, type: string, id: string): T {
    if (this.#size >= MAX_CALLERS) {
      this.#callers.clear();
      this.#size = 0;
    }
    const known = this.#make(limitKey(this.#limit, this.#rule, request));
    const byType = mapIn(this.#callers, tenant);
    mapIn(byType, type).set(id, known);
    this.#size += 1;
    return known;
  }
}

function mapIn<V>(maps: Map<string, Map<string, V>>, name: string): Map<string, V> {
  let map = maps.get(name);
  if (map === undefined) {
    map = new Map();
    maps.set(name, map);
  }
  return map;
}
