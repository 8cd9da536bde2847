/**
 * What the thread of an embedded database runs: it opens the folder, then answers one statement after the
 * other. Plain JavaScript in a data URL, because a thread can load it in every way this package is run
 * (built, bundled, or straight from TypeScript); the one package it needs is imported by its URL.
 */
const SOURCE = `
import { parentPort, workerData } from 'node:worker_threads';
const { PGlite } = await import(workerData.module);
// A folder that cannot be opened ends the thread, and the error goes to whoever waits.
const database = await PGlite.create(workerData.dir);
const run = async ({ text, values }) => {
  if (text !== null) return (await database.query(text, values)).rows;
  await database.close();
  return [];
};
let last = Promise.resolve();
parentPort.on('message', (message) => {
  last = last.then(() => run(message)).then(
    (rows) => parentPort.postMessage({ id: message.id, rows }),
    (error) => parentPort.postMessage({ id: message.id, problem: String(error?.message ?? error) }),
  );
});
`;

/** The script of the thread, as something a Worker can be made of. */
export const PGLITE_THREAD: URL = new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`);
