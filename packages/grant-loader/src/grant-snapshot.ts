import { type CompiledGrant, canonicalDigest, type GrantSnapshot } from '@cortex-governance/core';
import type { ScopedGrant } from './compile-grant.ts';
import type { Grant } from './grant.ts';

/** An immutable set of compiled grants. */
export class CompiledGrants implements GrantSnapshot {
  readonly policyHash: string;
  readonly epoch: number;
  readonly #grants: ReadonlyMap<string, ScopedGrant>;
  readonly #tools: readonly string[];

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

  /** Looks up anew where the folders of every grant's scope really are. */
  async pin(): Promise<void> {
    for (const grant of this.#grants.values()) await grant.pin();
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
