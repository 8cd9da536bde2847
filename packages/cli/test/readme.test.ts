import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GIT_MAP, govern, makeWorkspace } from './govern.ts';

const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');

/** The arguments of a command line with double quotes. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

/** A pattern for shown output, in which `…` stands for anything on its line. */
function pattern(shown: string): RegExp {
  const parts = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

it('the session in the README goes as it is shown', async () => {
  const session = /```console\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const steps = session.split(/^\$ govern /m).slice(1);
  expect(steps.length).toBeGreaterThan(5);
  const grant = { ...GIT_MAP, actionRules: { search: { effect: 'read' } } };
  const folder = await makeWorkspace({ grants: [grant] });
  for (const step of steps) {
    const [command = '', ...shown] = step.split('\n');
    const { stdout, stderr } = await govern(folder, words(command));
    // The lint's warnings are not shown.
    const lines = stdout.split('\n').filter((line) => !line.startsWith('warning ['));
    expect(stderr).toBe('');
    expect(lines).toHaveLength(shown.length);
    for (const [i, line] of lines.entries()) expect(line).toMatch(pattern(shown[i] ?? ''));
  }
});

it('the README names every command', () => {
  const reference = readFileSync(
    join(import.meta.dirname, '..', '..', '..', 'docs', 'reference', 'cli.md'),
    'utf8',
  );
  for (const [, name] of reference.matchAll(/^## `(govern [a-z ]+)`$/gm)) {
    expect(readme).toContain(`\`${name}\``);
  }
});
