import { readFileSync } from 'node:fs';
import { findOpa, opaVersion } from './opa-program.ts';

const PEERS = ['@open-policy-agent/opa-wasm', '@cedar-policy/cedar-wasm', 'casbin'];

/** Versions of everything that takes part, by name. */
export function describeVersions(): Readonly<Record<string, string>> {
  const governor = versionIn('../../../packages/governor/package.json');
  const peers = PEERS.map((name) => [name, versionIn(`../../node_modules/${name}/package.json`)]);
  const opa = findOpa();
  return {
    '@cortex-governance/governor': governor,
    ...Object.fromEntries(peers),
    opa: (opa === null ? null : opaVersion(opa)) ?? 'none',
  };
}

function versionIn(file: string): string {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
