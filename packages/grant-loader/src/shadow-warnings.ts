import type { VerdictCode } from '@cortex-governance/core';
import { showText } from './shown-text.ts';

/** Most pairs of tool and code that are warned of in one process; grants are few, and this is only memory. */
const MAX_WARNINGS = 10_000;

const warned = new Set<string>();

/**
 * Emits one process warning for each tool and code: type `GovernanceWarning`, its `code` the reason code.
 * A grant in shadow mode lets the call pass, and whoever tries it out must learn what it would refuse.
 */
export function warnOfShadowedRefusal(tool: string, action: string, code: VerdictCode): void {
  // A tool's name holds no control character; the schema of grants says so.
  const key = `${tool}\0${code}`;
  if (warned.has(key) || warned.size >= MAX_WARNINGS) return;
  warned.add(key);
  const call = `${showText(action)} of the tool ${showText(tool)}`;
  process.emitWarning(`the grant is in shadow mode; ${call} would have been refused: ${code}`, {
    type: 'GovernanceWarning',
    code,
  });
}

/** Forgets which warnings were emitted. */
export function resetShadowWarnings(): void {
  warned.clear();
}
