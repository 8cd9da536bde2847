import { createKillSwitch } from '../../src/index.ts';

/* Stops and releases its own agent until it is killed, and counts what is durable. Arguments: root, name. */

const [root = '', name = ''] = process.argv.slice(2);
const killSwitch = await createKillSwitch({ root, lockTimeoutMs: 30_000 });
const order = { scope: 'agent', agent: name, actor: name, reason: 'loop' } as const;
for (;;) {
  await killSwitch.engage(order);
  process.stdout.write('+');
  await killSwitch.release(order);
  process.stdout.write('-');
}
