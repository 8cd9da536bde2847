import { describeGrantIndex } from '@cortex-governance/testkit';
import { createGrantIndex } from '../src/index.ts';
import { GIT_GRANT, Workspace } from './grant-files.ts';

const WRITE = {
  tool: 'fs.write',
  actions: ['write'],
  rate: { perMinute: 5, perHour: 50, perDay: 500 },
};

describeGrantIndex('createGrantIndex', async () => {
  const workspace = await Workspace.create({ git: GIT_GRANT, 'fs.write': WRITE });
  let rate = 30;
  return {
    index: await createGrantIndex({ root: workspace.root, watch: false }),
    tools: ['git-map', 'fs.write'],
    allowed: { tool: 'git-map', action: 'tree', args: { repo: 'r', path: 'docs/a.md' } },
    refused: { repo: 'r', path: 'docs/../secret' },
    change: () => {
      rate += 1;
      return workspace.put('git', { ...GIT_GRANT, rate: { perMinute: rate } });
    },
    spoil: () => workspace.put('fs.write', '{ "tool": '),
    repair: () => workspace.put('fs.write', WRITE),
  };
});
