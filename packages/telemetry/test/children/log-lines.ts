import { createLogger } from '../../src/index.ts';

/* Logs to its standard error as the arguments say, then exits by itself. */

const [sync, lines = '0'] = process.argv.slice(2);
const logger = createLogger({ sync: sync === 'sync' });
if (process.env['WAIT'] !== undefined) {
  await new Promise((resolve) => process.stdin.once('data', resolve));
}
for (let i = 0; i < Number(lines); i += 1) logger.info('LINE', { i, text: 'x'.repeat(100) });
await logger.close();
logger.info('AFTER_CLOSE');
process.stdout.write(`dropped ${logger.dropped}\n`);
process.stdin.unref?.();
process.exitCode = 0;
process.stdin.destroy();
