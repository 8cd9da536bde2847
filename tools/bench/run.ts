import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/*
 * Runs every bench/*.bench.ts of the package in the current folder, one after the other.
 * `npx nx bench <package> -- <word>` runs only those whose file name contains the word.
 */

const folder = join(process.cwd(), 'bench');
const words = process.argv.slice(2);

function benchFiles(): string[] {
  try {
    return readdirSync(folder, { encoding: 'utf8' })
      .filter((file) => file.endsWith('.bench.ts'))
      .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

for (const file of benchFiles()) {
  process.stdout.write(`\n# ${file}\n`);
  await import(pathToFileURL(join(folder, file)).href);
}
