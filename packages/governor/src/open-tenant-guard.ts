import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorMessage, GovernanceError } from '@cortex-governance/core';
import {
  createTenantGuard,
  type TenantGuard,
  type TenantGuardOptions,
} from '@cortex-governance/tenant-guard';
import type { Opening } from './opening.ts';

/** The tenant guard of a configuration. @throws {GovernanceError} CONFIG_INVALID, naming the member. */
export async function openTenantGuard(opening: Opening): Promise<TenantGuard> {
  const { tenancy } = opening.config;
  const { jwksFile, ...tokens } = tenancy.tokens ?? {};
  const jwks =
    jwksFile === undefined ? {} : { jwks: await readKeySet(opening.paths.root, jwksFile) };
  const options: unknown = {
    tenants: tenancy.tenants,
    failClosed: tenancy.failClosed,
    ...(tenancy.header === undefined ? {} : { header: tenancy.header }),
    ...(tenancy.tokens === undefined ? {} : { tokens: { ...tokens, ...jwks } }),
    clock: opening.clock,
    logger: opening.logger,
  };
  try {
    return createTenantGuard(options as TenantGuardOptions);
  } catch (error) {
    const problem = errorMessage(error).replace('createTenantGuard(options)', 'tenancy');
    throw new GovernanceError(
      'CONFIG_INVALID',
      { file: opening.paths.configFile, place: 'tenancy', problem },
      { cause: error },
    );
  }
}

async function readKeySet(root: string, file: string): Promise<unknown> {
  const path = resolve(root, file);
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new GovernanceError(
      'CONFIG_INVALID',
      { file: path, place: '1:1', problem: errorMessage(error) },
      { cause: error },
    );
  }
}
