import { silentLogger } from '@cortex-governance/core';
import {
  type Authorization,
  createGovernor,
  type Governor,
  type GovernorOptions,
} from '@cortex-governance/governor';
import { type GrantFile, TempWorkspace } from '@cortex-governance/testkit';
import { onTestFinished } from 'vitest';

export type { GrantFile } from '@cortex-governance/testkit';

/** A governor of a real workspace in a temporary folder; gone when the test ends. */
export interface Workspace {
  readonly folder: string;
  readonly governor: Governor;
}

export const RATE = { perMinute: 1_000_000 };

export async function openWorkspace(
  grants: readonly GrantFile[],
  options: GovernorOptions = {},
  config = 'version: 1\n',
): Promise<Workspace> {
  const workspace = await TempWorkspace.create({ grants, config });
  const governor = await createGovernor({ root: workspace.root, logger: silentLogger, ...options });
  onTestFinished(async () => {
    await governor.close();
    await workspace.remove();
  });
  return { folder: workspace.folder, governor };
}

/** The same governor, with something done between a decision and its use, or instead of it. */
export function withAuthorize(
  governor: Governor,
  authorize: (decide: () => Promise<Authorization>) => Promise<Authorization>,
): Governor {
  return new Proxy(governor, {
    get(target, name) {
      if (name === 'authorize') {
        return (...call: Parameters<Governor['authorize']>) =>
          authorize(() => target.authorize(...call));
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
