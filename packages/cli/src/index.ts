// The complete public surface of @cortex-governance/cli: named exports only; adding a line here is adding API.

export type { CliContext } from './cli-context.ts';
export { EXIT_CODES, type ExitCode, type ExitCodeDefinition } from './exit-code.ts';
export { createProgram } from './program.ts';
export { renderReference } from './reference.ts';
export { runProgram } from './run-program.ts';
