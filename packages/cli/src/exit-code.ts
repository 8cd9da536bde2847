/** One row of {@link EXIT_CODES}. */
export interface ExitCodeDefinition {
  readonly status: number;
  readonly meaning: string;
}

/** Every exit status of `govern`: the one table. The reference page is generated from it. */
export const EXIT_CODES = Object.freeze({
  OK: { status: 0, meaning: 'Done; the answer is yes: allowed, valid, verified.' },
  NO: {
    status: 1,
    meaning:
      'Done; the answer is no: denied, escalated, lint errors, a reload refused, evidence that does not verify.',
  },
  USAGE: { status: 2, meaning: 'The command line or its input is wrong; nothing was done.' },
  FAULT: {
    status: 3,
    meaning: 'It could not be done: configuration, policy, evidence, port, file.',
  },
  UNREACHABLE: { status: 4, meaning: 'No server answers, or it does not take the operator token.' },
  INTERNAL: { status: 70, meaning: 'A defect in govern itself (EX_SOFTWARE).' },
  FORCED: { status: 130, meaning: 'Stopped by a second signal, before evidence was flushed.' },
} satisfies Record<string, ExitCodeDefinition>);

/** Name of an exit status. */
export type ExitCode = keyof typeof EXIT_CODES;
