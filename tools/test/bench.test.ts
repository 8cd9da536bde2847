import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkAnswers } from '../bench/decision/answer-check.ts';
import type { Contender } from '../bench/decision/contender.ts';
import {
  ALLOWED,
  CASBIN,
  CEDAR,
  DENIED,
  FLOOR,
  OPA,
  UNRECORDED,
} from '../bench/decision/contender-names.ts';
import type { SizeResults } from '../bench/decision/decision-results.ts';
import { decisionSection } from '../bench/decision/decision-section.ts';
import { prepareFloor } from '../bench/decision/floor.ts';
import { formatNumber, formatRatio } from '../bench/decision/format.ts';
import { judgeGoals } from '../bench/decision/goals.ts';
import { timeInterleaved } from '../bench/decision/interleaved-timer.ts';
import { percentile } from '../bench/decision/statistics.ts';
import { createWorkload, requestOf } from '../bench/decision/workload.ts';
import { type BenchSection, readSections, writeSection } from '../bench/page/bench-section.ts';
import { renderBenchmarksPage } from '../bench/page/benchmarks-page.ts';
import { renderText } from '../bench/page/text-report.ts';

const SECTION: BenchSection = {
  id: 'example',
  title: 'Example',
  order: 20,
  measuredAt: '2026-01-02T03:04:05.000Z',
  command: 'pnpm bench',
  machine: { CPU: 'one' },
  versions: { peer: '1.2.3' },
  goals: [
    { goal: 'fast', figure: '2.00x', met: true },
    { goal: 'small', figure: '300 bytes', met: false },
    { goal: 'quiet', figure: '-', met: null },
  ],
  tables: [{ title: 'Times', columns: ['', 'p50'], rows: [['a | b', '1,000']] }],
  notes: ['One note.'],
};

function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'bench-test-'));
}

function contender(answers: boolean, allows: boolean): Contender {
  const decide = (): boolean => answers;
  return { name: 'one', note: '', allows, async: false, decide, answer: decide };
}

describe('percentile', () => {
  it.each([
    [[3, 1, 2], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 0.99, 4],
    [[7], 0.01, 7],
    [[], 0.5, Number.NaN],
  ])('of %j at %d is %d', (samples, share, expected) => {
    expect(percentile(samples, share)).toBe(expected);
  });
});

describe('figures', () => {
  it('are whole numbers and short ratios', () => {
    expect([formatNumber(1234.5), formatNumber(Number.NaN)]).toEqual(['1,235', '-']);
    expect([1.234, 12.34, 1234.5, Number.NaN].map(formatRatio)).toEqual([
      '1.23x',
      '12.3x',
      '1,235x',
      '-',
    ]);
  });
});

describe('the workload', () => {
  const workload = createWorkload(100, 50);

  it('is the same in every run, and has no more grants than a folder holds', () => {
    expect(createWorkload(100, 50)).toEqual(workload);
    expect([workload.grants.length, workload.tenants.length]).toEqual([50, 100]);
  });

  it('asks about nearly all grants and tenants', () => {
    expect(new Set(workload.questions.map(({ tool }) => tool)).size).toBe(50);
    expect(new Set(workload.questions.map(({ tenant }) => tenant)).size).toBe(100);
  });

  it('expects what its rules say', () => {
    const tools = new Map(workload.grants.map((grant) => [grant.tool, grant]));
    for (const { tenant, tool, action, path, allowed } of [
      ...workload.questions,
      ...workload.mixed,
    ]) {
      const grant = tools.get(tool);
      const known = workload.tenants.includes(tenant) && grant?.actions.includes(action) === true;
      const covered = grant?.folders.some((folder) => path.startsWith(`${folder}/`)) === true;
      expect(allowed).toBe(known && covered);
    }
    const expected = workload.mixed.map(({ allowed }) => allowed);
    expect([expected.includes(true), expected.includes(false)]).toEqual([true, true]);
    expect(workload.questions.every(({ allowed }) => allowed)).toBe(true);
  });

  it('makes requests with one path', () => {
    const [question] = workload.questions;
    if (question === undefined) throw new Error('no question');
    expect(requestOf(question, { tenant: 'other' })).toMatchObject({
      tenant: 'other',
      action: { name: question.action, properties: { path: question.path } },
      resource: { type: 'tool', id: question.tool },
    });
  });
});

describe('the check of answers', () => {
  const workload = createWorkload(10, 10);

  it('passes the floor, and so says that the floor answers like the rest', async () => {
    const { contenders } = await prepareFloor(workload);
    await expect(checkAnswers(contenders, workload)).resolves.toBeUndefined();
  });

  it('refuses one that allows everything, or denies everything', async () => {
    await expect(checkAnswers([contender(true, true)], workload)).rejects.toThrow(
      /one: not deny for/,
    );
    await expect(checkAnswers([contender(false, true)], workload)).rejects.toThrow(
      /one: not allow for/,
    );
  });

  it('refuses one whose timed answers are others than it says', async () => {
    const wrong = { ...contender(true, false), answer: null };
    await expect(checkAnswers([wrong], workload)).rejects.toThrow(/timed question 0/);
  });
});

describe('the timer', () => {
  it('gives every contender its samples, and draws their order anew in each round', async () => {
    const order: string[] = [];
    const named = (name: string): Contender => ({
      ...contender(true, true),
      name,
      enter: async () => void order.push(name),
    });
    const timings = await timeInterleaved([named('a'), named('b')], { rounds: 16, budgetMs: 1e6 });
    expect(timings.map(({ name, samples }) => [name, samples])).toEqual([
      ['a', 64],
      ['b', 64],
    ]);
    const rounds = order.slice(2).join('').match(/../g) ?? [];
    expect(new Set(rounds)).toEqual(new Set(['ab', 'ba']));
    expect(rounds).toHaveLength(16);
  });

  it('refuses a wrong answer', async () => {
    const turns = timeInterleaved([contender(true, false)], { rounds: 1, budgetMs: 1e6 });
    await expect(turns).rejects.toThrow(/answers are wrong/);
  });
});

function resultsAt(size: number, medians: Readonly<Record<string, number>>): SizeResults {
  const timings = Object.entries(medians).map(([name, p50]) => ({
    ...{ name, p50, p99: p50 * 2, samples: 8, calls: 128, note: '' },
  }));
  const single = { name: ALLOWED, p50: 400, p99: 3_000, p999: 9_000, timerNs: 50, calls: 10 };
  const throughput = { decisions: 10, nsPerDecision: 5_000, decisionsPerSecond: 200_000 };
  const counts = { size, grants: Math.min(size, 4095), tenants: size };
  return {
    time: { kind: 'time', ...counts, timings, single, throughput, skipped: ['peer is skipped'] },
    allocation: { kind: 'allocation', size, allocations: [{ name: UNRECORDED, bytes: 250 }] },
  };
}

describe('goals', () => {
  const base = {
    [FLOOR]: 250,
    [ALLOWED]: 500,
    [`${DENIED}tenant`]: 400,
    [OPA]: 3_000,
    [CASBIN]: 1e6,
  };
  const results = [
    resultsAt(1_000, base),
    resultsAt(10_000, { ...base, [ALLOWED]: 700, [`${DENIED}tenant`]: 900, [CEDAR]: 20_000 }),
  ];

  it('are judged by the worst size, and open where nothing was measured', () => {
    expect(judgeGoals(results).map(({ figure, met }) => [figure, met])).toEqual([
      ['2.00x', true],
      ['dearest 1.29x (tenant, at 10,000)', false],
      ['1.40x (the floor itself: 1.00x)', false],
      ['at least 4.29x', false],
      ['-', null],
      ['at least 1,429x', true],
      ['250 bytes', false],
      ['400 ns', true],
      ['3,000 ns', false],
    ]);
  });

  it('make a section that says what was capped and skipped', () => {
    const section = decisionSection(results, { peer: '1.0.0' }, new Date(0));
    expect(section.measuredAt).toBe('1970-01-01T00:00:00.000Z');
    expect(section.notes.join('\n')).toMatch(/At 10,000 there are 10,000 tenants and 4,095 grants/);
    expect(section.notes.join('\n')).toMatch(/SKIPPED: peer is skipped\./);
    for (const { columns, rows } of section.tables) {
      for (const row of rows) expect(row).toHaveLength(columns.length);
    }
    const [times, ratios] = section.tables;
    expect(times?.rows).toContainEqual([CEDAR, '-', '-', '20,000', '40,000']);
    expect(ratios?.rows).toContainEqual([ALLOWED, '2.00x', '2.80x', '1.00x', '1.00x', '1.40x']);
  });
});

describe('docs/benchmarks.md', () => {
  it('is put together from every file of results, in their order', () => {
    const folder = emptyFolder();
    writeSection(SECTION, folder);
    writeSection({ ...SECTION, id: 'another', title: 'Another', order: 10 }, folder);
    const page = renderBenchmarksPage(readSections(folder));
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual([
      'Another',
      'Example',
    ]);
  });

  it('shows goals with their outcome, the machine, versions, tables and notes', () => {
    const page = renderBenchmarksPage([SECTION]);
    for (const text of [
      '| fast | 2.00x | met |',
      '| small | 300 bytes | NOT met |',
      '| quiet | - | not measured |',
      '| CPU | one |',
      '| peer | 1.2.3 |',
      '|  | p50 |\n| --- | ---: |\n| a \\| b | 1,000 |',
      '- One note.',
      'Reproduce with `pnpm bench`',
    ]) {
      expect(page).toContain(text);
    }
  });

  it('refuses a file of results that is none, naming it', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'broken.json'), JSON.stringify({ ...SECTION, goals: 'none' }));
    expect(() => readSections(folder)).toThrow(/broken\.json[\s\S]*goals/);
  });

  it('in the repository is one that this program writes', () => {
    const page = readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8');
    expect(page.startsWith(renderBenchmarksPage([]).trimEnd())).toBe(true);
    expect(page).toMatch(/^## Decisions$/m);
  });
});

describe('the report for a terminal', () => {
  it('aligns figures to the right', () => {
    const text = renderText(SECTION);
    expect(text).toContain('         p50\na | b  1,000');
    expect(text).toContain('NOT met');
  });
});
