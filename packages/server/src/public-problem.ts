/** The first word that can be a path or the name of a file, with what stands directly before it. */
const FILE_WORD = /(?:^|[\s:;,="'`(<[{])(?:[A-Za-z]:[/\\]|[^\s:;,="'`(<[{]*(?:[/\\]|\.[A-Za-z]))/;

/** What is left at an end that was cut. */
const LOOSE_END = /[\s:;,="'`(<[{-]+$/;

/**
 * A problem as anybody may read it: what comes before the first path or file name, which is the code and
 * the kind. Where files lie is for operators.
 */
export function publicProblem(problem: string): string {
  const place = FILE_WORD.exec(problem);
  if (place === null) return problem;
  return problem.slice(0, place.index).replace(LOOSE_END, '') || 'a file';
}
