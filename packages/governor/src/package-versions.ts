import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The packages whose code decides, stops and records. */
const PACKAGES = [
  'core',
  'evidence-writer',
  'governor',
  'grant-loader',
  'kill-switch',
  'rate-limiter',
  'telemetry',
  'tenant-guard',
] as const;

/** Versions of the packages that run, by name, for boot evidence. */
export function packageVersions(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    PACKAGES.map((name) => {
      const manifest = require(`@cortex-governance/${name}/package.json`) as { version: string };
      return [`@cortex-governance/${name}`, manifest.version];
    }),
  );
}
