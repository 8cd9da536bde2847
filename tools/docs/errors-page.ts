import { REASON_CODES, type ReasonCodeDefinition } from '@cortex-governance/core';

const INTRODUCTION = `# Reason codes

<!-- Generated from packages/core/src/reason-code.ts by \`npm run docs\`; a test keeps it current. -->

Every verdict and every error carries one of these codes. A denial is a value: \`decide\` and
\`evaluate\` return it; \`enforce\` throws it as a \`GovernanceError\` with the same code. *Retryable* says
whether the same question, asked again later, may be answered differently.

Over HTTP an answer (status 200, 403 or 429 in this table) is an AuthZEN response with HTTP status 200
and the code in \`context\`; the other statuses are the status of the HTTP response itself. See
[the decision](../decisions/2026-11-21-http-status-of-verdicts.md).
`;

/** \`docs/reference/errors.md\`. */
export function renderErrorsPage(): string {
  const rows = Object.entries(REASON_CODES);
  const verdicts = rows.filter(([, { effect }]) => effect !== null);
  const faults = rows.filter(([, { effect }]) => effect === null);
  return [
    INTRODUCTION,
    '## Verdicts\n',
    table(verdicts),
    '## Errors\n',
    'Thrown as `GovernanceError`; `{name}` is filled from its `details`.\n',
    table(faults),
  ].join('\n');
}

function table(rows: readonly (readonly [string, ReasonCodeDefinition])[]): string {
  const lines = rows.map(
    ([code, { effect, httpStatus, retryable, message }]) =>
      `| <a id="${code.toLowerCase()}"></a>\`${code}\` | ${effect ?? 'error'} | ${httpStatus} | ${retryable ? 'yes' : 'no'} | ${message} |`,
  );
  return `| code | effect | status | retryable | message |\n|---|---|---|---|---|\n${lines.join('\n')}\n`;
}
