import type { Attributes } from '../attributes.ts';
import type { DecisionRequest } from '../decision-request.ts';
import type { DenialCode } from '../reason-code.ts';
import type { LimitRule } from './limit-rule.ts';

/** Why arguments are refused. */
export interface ArgumentProblem {
  readonly code: DenialCode;
  /** The argument's name or JSON Pointer, safe to show; empty when none. */
  readonly argument: string;
}

/** Arguments with every path replaced by the absolute real path that was checked, or why not. */
export type ResolvedArguments =
  | { readonly args: Attributes; readonly problem: null }
  | { readonly args: null; readonly problem: ArgumentProblem };

/** One action of a grant, compiled. */
export interface GrantedAction {
  readonly name: string;
  /** Whether the action changes anything outside the agent. */
  readonly effect: 'read' | 'write';
  /** Whether a person must approve each call. */
  readonly approval: boolean;
  /** The limit of this action; null when the grant sets none. */
  readonly limit: LimitRule | null;
  /** Null when the arguments have the declared shape and every path and host is in scope, by its text alone. */
  checkArguments(args: Attributes | undefined): ArgumentProblem | null;
  /**
   * Follows links on disk: the arguments with real paths, or the first path that leaves the scope.
   * MUST NOT reject. Only to be called with arguments that {@link checkArguments} accepts.
   */
  resolvePaths(args: Attributes | undefined): Promise<ResolvedArguments>;
}

/** One grant, compiled. */
export interface CompiledGrant {
  readonly tool: string;
  /** In shadow mode denials are reported and not enforced. */
  readonly shadow: boolean;
  /** Null when the grant is for this tenant and subject now; otherwise the code of the denial. */
  checkSubject(request: DecisionRequest): DenialCode | null;
  action(name: string): GrantedAction | undefined;
  actions(): readonly string[];
}

/** An immutable set of grants. */
export interface GrantSnapshot {
  /** SHA-256 (hex) of the compiled grants; equal for equal files. */
  readonly policyHash: string;
  /** Rises by one with every snapshot that takes the place of another. */
  readonly epoch: number;
  find(tool: string): CompiledGrant | undefined;
  tools(): readonly string[];
}

/** What the engine reads grants from: one pointer, swapped whole. */
export interface GrantSource {
  current(): GrantSnapshot;
}

/** Outcome of a reload. */
export interface GrantReload {
  /** False when a bad file kept the previous snapshot in force. */
  readonly ok: boolean;
  readonly changed: boolean;
  readonly policyHash: string;
  /** One line for each bad file, naming file, place and reason. */
  readonly problems: readonly string[];
}

/** Where the grants stand, for status pages and health. */
export interface GrantIndexStatus {
  readonly policyHash: string;
  readonly epoch: number;
  readonly grants: number;
  /** ISO 8601 UTC time of the last successful load. */
  readonly loadedAt: string;
  /** Problems of the last load; empty when it succeeded. */
  readonly problems: readonly string[];
}

/** The grants of one folder, kept up to date. */
export interface GrantIndex extends GrantSource {
  /** Reads the folder again. Never rejects: on a bad file the snapshot in force stays. */
  reload(): Promise<GrantReload>;
  status(): GrantIndexStatus;
  /**
   * Calls back after every reload that changed the snapshot, failed, or ended a failure. Returns the
   * function that ends this.
   */
  onReload(listener: (reload: GrantReload) => void): () => void;
  close(): Promise<void>;
}
