import { readFile } from 'node:fs/promises';

/** README, and the example of a test file as README must show it: its region, printing what it logs. */
export async function readmeExample(
  testUrl: string,
): Promise<{ readonly readme: string; readonly code: string }> {
  const source = await readFile(new URL(testUrl), 'utf8');
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(source)?.[1];
  if (region === undefined) throw new Error(`${testUrl} has no example`);
  return { readme, code: region.replace(/^ {2}/gm, '').replaceAll('log.push(', 'console.log(') };
}
