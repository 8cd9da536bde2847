import { describeKillSwitch } from '@cortex-governance/testkit';
import { createKillSwitch } from '../src/index.ts';
import { makeFolder } from './folder.ts';

describeKillSwitch('createKillSwitch', async () => {
  const folder = await makeFolder();
  return {
    open: () => createKillSwitch({ root: folder.path, watch: false, pollMs: 60_000 }),
    remove: folder.remove,
  };
});
