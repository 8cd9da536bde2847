import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@cortex-governance/core';
import {
  type Authorization,
  createGovernor,
  type Governor,
  type GovernorOptions,
} from '@cortex-governance/governor';
import { onTestFinished } from 'vitest';

/** A governor of a real workspace in a temporary folder; gone when the test ends. */
export interface Workspace {
  readonly folder: string;
  readonly governor: Governor;
}

export type GrantFile = Readonly<Record<string, unknown>> & { readonly tool: string };

export const RATE = { perMinute: 1_000_000 };

export async function openWorkspace(
  grants: readonly GrantFile[],
  options: GovernorOptions = {},
  config = 'version: 1\n',
): Promise<Workspace> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'orchestration-')));
  const root = join(folder, '.cortex');
  await mkdir(join(root, 'policy', 'tools'), { recursive: true });
  await writeFile(join(root, 'governance.yaml'), config);
  for (const grant of grants) {
    await writeFile(join(root, 'policy', 'tools', `${grant.tool}.json`), JSON.stringify(grant));
  }
  const governor = await createGovernor({ root, logger: silentLogger, ...options });
  onTestFinished(async () => {
    await governor.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, governor };
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
