import { type CompiledGrant, canonicalDigest, type GrantSnapshot } from '@cortex-governance/core';
import type { ScopedGrant } from './compile-grant.ts';
import type { Grant } from './grant.ts';

/** An immutable set of compiled grants, with the real places of their scopes as they were when it was made. */
export class CompiledGrants implements GrantSnapshot {
  readonly policyHash: string;
  readonly epoch: number;
  readonly #grants: ReadonlyMap<string, ScopedGrant>;
  readonly #tools: readonly string[];

  /** Follows the links of every scope: once, for as long as the snapshot is in force. */
  static async create(
    policyHash: string,
    epoch: number,
    grants: readonly ScopedGrant[],
  ): Promise<CompiledGrants> {
    for (const grant of grants) await grant.pin();
    return new CompiledGrants(policyHash, epoch, grants);
  }

  /** @param grants whose scopes were found. */
  constructor(policyHash: string, epoch: number, grants: readonly ScopedGrant[]) {
    this.policyHash = policyHash;
    this.epoch = epoch;
    this.#grants = new Map(grants.map((grant) => [grant.tool, grant]));
    this.#tools = Object.freeze([...this.#grants.keys()]);
    Object.freeze(this);
  }

  find(tool: string): CompiledGrant | undefined {
    return this.#grants.get(tool);
  }

  tools(): readonly string[] {
    return this.#tools;
  }

  /** Whether a snapshot of the same grants found the folders of every scope in the same real places. */
  async isWhere(other: CompiledGrants): Promise<boolean> {
    for (const [tool, grant] of this.#grants) {
      const same = other.#grants.get(tool);
      if (same === undefined || !(await grant.isWhere(same))) return false;
    }
    return true;
  }
}

/** The grants in the order of their tools, which is the order they are hashed in. */
export function sortByTool(grants: Iterable<Grant>): Grant[] {
  return [...grants].sort((a, b) => (a.tool < b.tool ? -1 : 1));
}

/** SHA-256 (hex) over the canonical JSON of the grants with their defaults filled in. */
export function hashGrants(sorted: readonly Grant[]): string {
  return canonicalDigest(sorted);
}
