import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Installed when there is no `opa` on the PATH. */
const VERSION = 'v1.22.0';

const CACHE = fileURLToPath(
  new URL(`../../../node_modules/.cache/opa-${VERSION}`, import.meta.url),
);

/** The `opa` program: that of the PATH, or one that Go builds once; null when there is neither. */
export function findOpa(): string | null {
  const built = join(CACHE, process.platform === 'win32' ? 'opa.exe' : 'opa');
  if (opaVersion('opa') !== null) return 'opa';
  if (existsSync(built)) return built;
  return buildOpa() && existsSync(built) ? built : null;
}

/** How to get what {@link findOpa} did not find. */
export const OPA_ADVICE = `opa-wasm is skipped: its bundle needs \`opa build\`. Put opa ${VERSION} on the PATH (https://www.openpolicyagent.org/docs#1-download-opa), or Go, which builds it`;

/** Such as `1.22.0`; null when it cannot be run. */
export function opaVersion(program: string): string | null {
  try {
    const text = execFileSync(program, ['version'], { encoding: 'utf8', stdio: 'pipe' });
    return /^Version: (\S+)/m.exec(text)?.[1] ?? null;
  } catch {
    return null;
  }
}

function buildOpa(): boolean {
  mkdirSync(CACHE, { recursive: true });
  process.stderr.write(`Building opa ${VERSION} with Go, once; this takes some minutes.\n`);
  try {
    execFileSync('go', ['install', `github.com/open-policy-agent/opa@${VERSION}`], {
      env: { ...process.env, GOBIN: CACHE, CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return true;
  } catch {
    return false;
  }
}
