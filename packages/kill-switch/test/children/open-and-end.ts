import { createKillSwitch } from '../../src/index.ts';

/* Opens a switch and ends by itself, with or without closing it. Arguments: root, close|leave. */

const [root = '', end = ''] = process.argv.slice(2);
const killSwitch = await createKillSwitch({ root });
await killSwitch.engage({ scope: 'global', actor: 'child', reason: 'test' });
if (end === 'close') await killSwitch.close();
process.stdout.write(`${killSwitch.engaged()}`);
