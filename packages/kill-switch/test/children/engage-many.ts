import { createKillSwitch } from '../../src/index.ts';

/* Stops `count` agents of its own name, as fast as it can. Arguments: root, name, count. */

const [root = '', name = '', count = '0'] = process.argv.slice(2);
const killSwitch = await createKillSwitch({ root, lockTimeoutMs: 30_000 });
for (let i = 0; i < Number(count); i++) {
  await killSwitch.engage({ scope: 'agent', agent: `${name}-${i}`, actor: name, reason: 'race' });
}
await killSwitch.close();
