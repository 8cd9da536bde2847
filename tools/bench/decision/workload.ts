import { type DecisionRequest, toolCall } from '@cortex-governance/core';
import { createRandom } from './random.ts';

/** Requests built before the clock starts, and asked in order: too many for the caches to flatter. */
export const REQUESTS = 4096;

/** Folders that the grants share; each grant covers two of them. */
export const FOLDERS: readonly string[] = Array.from({ length: 16 }, (_, i) => `area-${pad(i, 2)}`);

/** Files that exist in each folder, so that `evaluate` has real paths to follow. */
export const FILES: readonly string[] = ['notes/plan.md', 'notes/log.md', 'index.md'];

/** A folder that no grant covers. */
export const OUTSIDE = 'private';

export const ACTIONS: readonly string[] = ['read', 'list', 'search'];

/** So many calls in a minute that no contender is ever limited, with rings that stay small. */
export const PER_MINUTE = 10_000;

const SEED = 20_261_121;

/** One grant, in the terms that all contenders share. */
export interface WorkloadGrant {
  readonly tool: string;
  readonly actions: readonly string[];
  readonly folders: readonly string[];
}

/** What one request asks, in the terms that all contenders share, and what must be answered. */
export interface Question {
  readonly tenant: string;
  readonly tool: string;
  readonly action: string;
  readonly path: string;
  readonly allowed: boolean;
}

/** The same rules and questions for every contender. */
export interface Workload {
  /** Grants and tenants asked for. */
  readonly size: number;
  readonly grants: readonly WorkloadGrant[];
  readonly tenants: readonly string[];
  /** All allowed: what is timed. */
  readonly questions: readonly Question[];
  /** Allowed and denied in turn: what is checked before anything is timed. */
  readonly mixed: readonly Question[];
}

/** @param maxGrants most grants that one folder may hold. */
export function createWorkload(size: number, maxGrants: number): Workload {
  const random = createRandom(SEED + size);
  const grants = Array.from({ length: Math.min(size, maxGrants) }, (_, i) => grantAt(i));
  const tenants = Array.from({ length: size }, (_, i) => `tenant-${pad(i, 5)}`);
  const questions = Array.from({ length: REQUESTS }, () =>
    allowedQuestion(random, grants, tenants),
  );
  const mixed = questions
    .slice(0, 512)
    .map((question, i) => DEVIATIONS[i % DEVIATIONS.length]?.(question) ?? question);
  return { size, grants, tenants, questions, mixed };
}

/** The request of a question. A round trip through JSON, so that no string is the policy's own object. */
export function requestOf(question: Question, change: Partial<Question> = {}): DecisionRequest {
  const { tenant, tool, action, path } = { ...question, ...change };
  const request = toolCall({ tenant, agent: 'agent-1', tool, action, args: { path } });
  return JSON.parse(JSON.stringify(request)) as DecisionRequest;
}

function grantAt(i: number): WorkloadGrant {
  const folders = [FOLDERS[i % FOLDERS.length] ?? '', FOLDERS[(i + 5) % FOLDERS.length] ?? ''];
  return { tool: `tool-${pad(i, 5)}`, actions: ACTIONS, folders };
}

function allowedQuestion(
  random: () => number,
  grants: readonly WorkloadGrant[],
  tenants: readonly string[],
): Question {
  const grant = pick(random, grants);
  const path = `${pick(random, grant.folders)}/${pick(random, FILES)}`;
  const tenant = pick(random, tenants);
  return { tenant, tool: grant.tool, action: pick(random, grant.actions), path, allowed: true };
}

/** What every contender can tell apart; the first leaves the question allowed. */
const DEVIATIONS: readonly ((question: Question) => Question)[] = [
  (question) => question,
  (question) => ({ ...question, tenant: 'tenant-unknown', allowed: false }),
  (question) => ({ ...question, tool: 'tool-unknown', allowed: false }),
  (question) => ({ ...question, action: 'remove', allowed: false }),
  (question) => ({ ...question, path: `${OUTSIDE}/key.pem`, allowed: false }),
  (question) => ({ ...question, path: `../${question.path}`, allowed: false }),
  // The name of a covered folder is a prefix of this one.
  (question) => ({ ...question, path: question.path.replace('/', '-old/'), allowed: false }),
];

function pick<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

function pad(n: number, width: number): string {
  return String(n).padStart(width, '0');
}
