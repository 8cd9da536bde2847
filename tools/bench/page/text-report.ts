import type { BenchGoal, BenchSection, BenchTable } from './bench-section.ts';

/** How a goal turned out, in words. */
export function outcomeOf({ met }: BenchGoal): string {
  if (met === null) return 'not measured';
  return met ? 'met' : 'NOT met';
}

/** The goals as a table. */
export function goalTable(goals: readonly BenchGoal[]): BenchTable {
  const rows = goals.map((goal) => [goal.goal, goal.figure, outcomeOf(goal)]);
  return { title: 'Goals', columns: ['goal', 'measured', ''], rows };
}

/** A section for a terminal. */
export function renderText(section: BenchSection): string {
  const facts = Object.entries({ ...section.machine, ...section.versions });
  return [
    `# ${section.title}`,
    facts.map(([name, value]) => `${name} ${value}`).join('; '),
    ...section.tables.map(renderTable),
    renderTable(goalTable(section.goals)),
    section.notes.map((note) => `- ${note}`).join('\n'),
    '',
  ].join('\n\n');
}

/** The first column to the left, figures to the right. */
function renderTable({ title, columns, rows }: BenchTable): string {
  const lines = [columns, ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const pad = (cell: string, i: number): string =>
    i === 0 || !isFigure(rows, i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return [`## ${title}`, ...lines.map((line) => line.map(pad).join('  ').trimEnd())].join('\n');
}

/** Whether a column holds figures: cells that begin with a digit, or are empty. */
export function isFigure(rows: readonly (readonly string[])[], column: number): boolean {
  return rows.every((row) => /^(?:[\d-]|$)/.test(row[column] ?? ''));
}
