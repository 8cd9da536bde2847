import { type Logger, silentLogger } from '@cortex-governance/core';
import type { Grant } from './grant.ts';
import { createGrantLoader, type GrantLoader } from './grant-loader.ts';

/** Nobody configured a logger, and a failed policy update must not pass in silence. */
const warningLogger: Logger = Object.freeze({
  ...silentLogger,
  warn: emitWarning,
  error: emitWarning,
});

let cwd = '';
let loader: GrantLoader | null = null;

/**
 * The grant in `<working folder>/.cortex/policy/tools/<id>.json`, deeply frozen. It is kept for 5
 * minutes (at most 64 grants) or until its file changes; the process may end while it is watched.
 * For other folders and limits: `createGrantLoader`. Failed updates are process warnings.
 * @throws {GovernanceError} (rejects) GRANT_ID_INVALID, GRANT_NOT_FOUND, GRANT_FILE_UNSAFE, GRANT_INVALID.
 */
export function loadGrant(id: string): Promise<Grant> {
  const here = process.cwd();
  if (loader === null || here !== cwd) {
    // A watcher that cannot be closed has nothing left to tell.
    loader?.close().catch(() => {});
    cwd = here;
    loader = createGrantLoader({ logger: warningLogger });
  }
  return loader.load(id);
}

function emitWarning(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.emitWarning(JSON.stringify(fields), { type: 'GovernanceWarning', code: event });
}
