import type { DecisionRequest } from '@cortex-governance/core';
import type { Contender, Lineup } from './contender.ts';
import { FLOOR } from './contender-names.ts';
import { PER_MINUTE, REQUESTS, requestOf, type Workload, type WorkloadGrant } from './workload.ts';

const WINDOW_MS = 60_000;
const FIRST_SLOTS = 8;

/** What the floor keeps of one decision: all that a record could be written from later. */
interface FloorRecord {
  readonly tenant: string;
  readonly tool: string;
  readonly action: string;
  readonly path: unknown;
  readonly allowed: boolean;
  readonly at: number;
}

/** Admission times of one pair; doubles while everything in it is younger than the window. */
class Ring {
  #times = new Float64Array(FIRST_SLOTS);
  #next = 0;
  #size = 0;

  admit(now: number): boolean {
    const { length } = this.#times;
    if (this.#size === length) {
      const oldest = this.#times[this.#next] as number;
      if (now - oldest < WINDOW_MS) {
        if (length >= PER_MINUTE) return false;
        this.#grow();
      }
    }
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) & (this.#times.length - 1);
    if (this.#size < this.#times.length) this.#size += 1;
    return true;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    times.set(this.#times.subarray(this.#next));
    times.set(this.#times.subarray(0, this.#next), this.#times.length - this.#next);
    this.#next = this.#times.length;
    this.#times = times;
  }
}

/**
 * The least code that answers the same questions, written by hand and without any of the guarantees:
 * two map reads (grant, tenant), a look at the actions, a prefix check, a clock read, a ring update
 * and a record pushed on an array. The ring of a (tenant, tool) pair is in a map that the tenant holds:
 * that is one read more, which a slot resolved beforehand would save at the price of a table of
 * grants times tenants. A request is trusted to be well formed, a path to be plain.
 */
class Floor {
  readonly #grants: ReadonlyMap<string, WorkloadGrant>;
  readonly #tenants: ReadonlyMap<string, Map<string, Ring>>;
  readonly records: FloorRecord[] = [];

  constructor({ grants, tenants }: Workload) {
    this.#grants = new Map(
      grants.map((grant) => [grant.tool, { ...grant, folders: grant.folders.map((f) => `${f}/`) }]),
    );
    this.#tenants = new Map(tenants.map((tenant) => [tenant, new Map()]));
  }

  decide(request: DecisionRequest): boolean {
    const now = performance.now();
    const allowed = this.#judge(request, now);
    this.records.push({
      tenant: request.tenant,
      tool: request.resource.id,
      action: request.action.name,
      path: request.action.properties?.['path'],
      allowed,
      at: now,
    });
    return allowed;
  }

  #judge({ tenant, action, resource }: DecisionRequest, now: number): boolean {
    const rings = this.#tenants.get(tenant);
    const grant = this.#grants.get(resource.id);
    if (rings === undefined || grant === undefined || !grant.actions.includes(action.name))
      return false;
    const path = action.properties?.['path'];
    if (typeof path !== 'string' || !grant.folders.some((folder) => path.startsWith(folder)))
      return false;
    let ring = rings.get(grant.tool);
    if (ring === undefined) {
      ring = new Ring();
      rings.set(grant.tool, ring);
    }
    return ring.admit(now);
  }
}

/** The floor that `decide` is measured against. */
export async function prepareFloor(workload: Workload): Promise<Lineup> {
  const floor = new Floor(workload);
  const requests = workload.questions.map((question) => requestOf(question));
  const contender: Contender = {
    name: FLOOR,
    note: 'no check of the request, no kill switch, no verdict, no durable evidence',
    allows: true,
    async: false,
    decide: (i) => floor.decide(requests[i % REQUESTS] as DecisionRequest),
    answer: (question) => floor.decide(requestOf(question)),
    leave: async () => {
      floor.records.length = 0;
    },
  };
  return { contenders: [contender] };
}
