import type { SigningKey } from '@cortex-governance/evidence-writer';
import type { CliContext } from './cli-context.ts';
import type { Workspace } from './workspace.ts';

/**
 * The key that signs a workspace's evidence, from where its configuration says.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID
 */
export async function workspaceSigningKey(
  context: CliContext,
  { config, paths }: Workspace,
): Promise<SigningKey> {
  const evidence = await import('@cortex-governance/evidence-writer');
  const { keyEnv } = config.evidence;
  return keyEnv === undefined
    ? evidence.fileSigningKey(paths.evidenceKeyFile)
    : evidence.environmentSigningKey(keyEnv, context.env);
}
