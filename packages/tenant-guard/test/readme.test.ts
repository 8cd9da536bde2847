import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createTenantGuard } from '../src/index.ts';

async function example(): Promise<string[]> {
  const log: string[] = [];
  // #region example
  const guard = createTenantGuard({
    tenants: ['acme', 'globex'],
    tokens: {
      jwksUri: 'https://login.example.com/.well-known/jwks.json',
      issuer: 'https://login.example.com',
      audience: 'governance',
    },
    header: { trustedPeers: ['10.0.0.0/8', '::1'] },
  });

  const outcome = await guard.derive({
    headers: ['X-Tenant-ID', 'acme', 'X-Purpose', 'support'], // request.rawHeaders
    remoteAddress: '10.1.2.3', // request.socket.remoteAddress
  });
  if (outcome.ok) log.push(`${outcome.tenant}, vouched for by ${outcome.source}`);
  else log.push(`${outcome.httpStatus} ${outcome.code}: ${outcome.reason}`);
  // #endregion
  return log;
}

describe('README', () => {
  it('shows the example that runs here', async () => {
    const here = await readFile(new URL(import.meta.url), 'utf8');
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(here)?.[1];
    const code = region?.replace(/^ {2}/gm, '').replaceAll('log.push(', 'console.log(');
    expect(code).toBeTruthy();
    expect(readme).toContain(code);
    expect(await example()).toEqual(['acme, vouched for by header']);
  });
});
