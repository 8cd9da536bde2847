import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REASON_CODES } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { GENERATED_PAGES } from '../docs/pages.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(resolve(repository, path), 'utf8');

function pagesUnder(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : pagesUnder(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** The log lines of the packages, by their names in the sources. */
function loggedEvents(): { level: string; name: string }[] {
  return readdirSync(join(repository, 'packages')).flatMap((name) => {
    const folder = `packages/${name}/src`;
    // The testkit logs only to see what loggers do with it.
    if (name === 'testkit') return [];
    return readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...read(join(folder, file)).matchAll(LOG_CALL)])
      .map(([, called = '', throttled, event = '']) => ({
        level: throttled ?? called.toLowerCase(),
        name: event,
      }));
  });
}

/** `logger.warn('NAME'`, `this.#warn('NAME'`, and the throttle's `log('warn', 'NAME'`. */
const LOG_CALL =
  /[.#](debug|info|warn|error|log)\(\s*(?:'(debug|info|warn|error)',\s*)?'([A-Z]+(?:_[A-Z]+)+)'/g;

const packageReadmes = readdirSync(join(repository, 'packages')).map(
  (name) => `packages/${name}/README.md`,
);

describe('generated pages', () => {
  it.each(GENERATED_PAGES)('$path is current (else: npm run docs)', ({ path, render }) => {
    expect(read(path)).toBe(render());
  });

  it('show every code, and no other', () => {
    const shown = [...read('docs/reference/errors.md').matchAll(/<a id="(\w+)">/g)].map(
      ([, id]) => id,
    );
    expect(shown.sort()).toEqual(
      Object.keys(REASON_CODES)
        .map((code) => code.toLowerCase())
        .sort(),
    );
  });
});

describe('prose', () => {
  it.each(['README.md', ...packageReadmes, ...pagesUnder('docs')])(
    '%s links only to what exists',
    (page) => {
      const text = read(page).replace(/```[\s\S]*?```/g, '');
      const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(
        ([, link]) => link ?? '',
      );
      const broken = links.filter((link) => !existsSync(resolve(repository, dirname(page), link)));
      expect(broken).toEqual([]);
    },
  );

  it('names only codes of the table', () => {
    const page = read('docs/ops/governance_operations.md');
    const named = [...page.matchAll(/`([A-Z]{4,}_[A-Z_]+)`/g)].map(([, code]) => code ?? '');
    const known = new Set([
      ...Object.keys(REASON_CODES),
      ...loggedEvents().map(({ name }) => name),
    ]);
    expect(named.filter((code) => !known.has(code))).toEqual([]);
  });

  it('tells operators of every warning and error that is logged', () => {
    const page = read('docs/ops/governance_operations.md');
    const alarms = loggedEvents().filter(({ level }) => level === 'warn' || level === 'error');
    expect(alarms.length).toBeGreaterThan(20);
    const untold = alarms.filter(({ name }) => !page.includes(`\`${name}\``));
    expect([...new Set(untold.map(({ name }) => name))]).toEqual([]);
  });
});
