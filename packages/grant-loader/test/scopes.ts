import type { ArgumentProblem, Attributes, GrantedAction } from '@cortex-governance/core';
import { compileGrant } from '../src/index.ts';
import { grantOf } from './grant-files.ts';

/** The only action of a grant with these members. */
export function actionOf(members: Record<string, unknown>, workspace?: string): GrantedAction {
  const options = workspace === undefined ? {} : { workspace };
  const action = compileGrant(grantOf(members), options).action('go');
  if (action === undefined) throw new Error('no action');
  return action;
}

/** Judges arguments by their text. */
export function check(members: Record<string, unknown>, args?: Attributes): ArgumentProblem | null {
  return actionOf(members, '/work/space').checkArguments(args);
}

/** The code for one path in a declared argument, or 'ok'. */
export function checkPath(
  fsScope: readonly string[],
  path: string,
  workspace = '/work/space',
): string {
  const args = { p: { type: 'string', format: 'path' } };
  return actionOf({ fsScope, args }, workspace).checkArguments({ p: path })?.code ?? 'ok';
}
