import { isAbsolute } from 'node:path';
import type {
  DecisionRequest,
  DenialCode,
  GovernanceError,
  Verdict,
} from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { denialError } from './tool-denial.ts';
import { pathInWorkspace, unscopedTarget } from './write-target.ts';

/** An allowed write. */
export interface WritePermit {
  /** The request as it was put to the governor. */
  readonly request: DecisionRequest;
  readonly verdict: Verdict;
  /** The path within the request. */
  readonly asked: string;
  /** Where to write: absolute, with every link followed. */
  readonly target: string;
}

/** Makes the request for a write. */
export type AskWrite = (path: string, bytes: number) => DecisionRequest;

/** The governor's permit for one write. @throws {GovernanceError} the denial, with the verdict. */
export async function permitWrite(
  governor: Governor,
  ask: AskWrite,
  path: string,
  bytes: number,
): Promise<WritePermit> {
  const { workspace } = governor.paths;
  // A value of another type goes to the governor as it is, so that its denial is on record.
  const asked = typeof path === 'string' ? pathInWorkspace(workspace, path) : path;
  const request = ask(asked, bytes);
  const { verdict, args } = await governor.authorize(request);
  if (verdict.effect !== 'allow') throw denialError(verdict);
  try {
    const target = verdict.shadowed ? await unscopedTarget(workspace, asked) : args['path'];
    if (typeof target !== 'string' || !isAbsolute(target)) {
      throw refusal(governor, request, 'PATH_OUT_OF_SCOPE', 'path is no path to the grant');
    }
    return { request, verdict, asked, target };
  } catch (error) {
    governor.cancel(verdict);
    throw error;
  }
}

/** A denial that the guard adds to an allow, recorded, as an error. */
export function refusal(
  governor: Governor,
  request: DecisionRequest,
  code: DenialCode,
  detail: string,
): GovernanceError {
  return denialError(governor.refuse(request, code, 'arguments', detail));
}

/** The denial when what is on disk is no longer what was decided on. */
export function changedPath(governor: Governor, { request }: WritePermit): GovernanceError {
  return refusal(governor, request, 'PATH_OUT_OF_SCOPE', 'path changed after the decision');
}
