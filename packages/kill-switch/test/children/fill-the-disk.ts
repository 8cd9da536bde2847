import { GovernanceError } from '@cortex-governance/core';
import { createKillSwitch } from '../../src/index.ts';

/*
 * Engages until a write fails, then tells the code, whether that stop is in force, and whether a
 * release that cannot be written leaves its stop in force. Argument: root.
 */

const [root = ''] = process.argv.slice(2);
const killSwitch = await createKillSwitch({ root });
const order = (i: number) =>
  ({ scope: 'agent', agent: `a${i}`, actor: 'child', reason: 'r'.repeat(200) }) as const;
const codeOf = (error: unknown): string =>
  error instanceof GovernanceError ? error.code : String(error);
const isStopped = (i: number): boolean => killSwitch.find('t', `a${i}`, 'x', 'y') !== null;
for (let i = 0; i < 100; i++) {
  try {
    await killSwitch.engage(order(i));
  } catch (error) {
    const release = await killSwitch.release(order(0)).then(() => 'released', codeOf);
    process.stdout.write(
      JSON.stringify({
        durable: i,
        engage: codeOf(error),
        engaged: isStopped(i),
        release,
        stillEngaged: isStopped(0),
      }),
    );
    break;
  }
}
