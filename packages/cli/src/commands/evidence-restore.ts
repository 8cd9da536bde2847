import { resolve } from 'node:path';
import type { ArchiveStore } from '@cortex-governance/evidence-writer/cold';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { readKeyLines } from '../input-file.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { openWorkspace } from '../workspace.ts';

interface RestoreOptions extends GlobalOptions {
  readonly from?: string;
  readonly log?: string;
  readonly key?: string;
}

/** `govern evidence restore`: a log from the archive, verified. */
export function evidenceRestoreCommand(context: CliContext): Command {
  return leafCommand(
    'restore',
    'Write an archived evidence log to a new folder, up to its newest archived checkpoint, and verify it. Without --key the keys in the archive are taken, which whoever can write there can replace. A log whose records have expired is written with gaps, and does not verify. For reading and proving: a server goes on with a log of its own.',
    [
      {
        line: 'govern evidence restore ./restored/server',
        meaning: 'The log in the archive of this workspace (evidence.cold).',
      },
      {
        line: 'govern evidence restore ./restored/server --from s3://bucket/prefix/',
        meaning: 'From a bucket; AWS_* variables say where and as whom.',
      },
      {
        line: 'govern evidence restore ./restored/server --key auditor/server.vkey',
        meaning: 'Only what a key from elsewhere signed.',
      },
    ],
  )
    .argument('<folder>', 'the log folder to make')
    .option('--from <archive>', 'a folder, or s3://bucket/prefix/ (default: as configured)')
    .option('--log <name>', 'name or origin of the log, when the archive has several')
    .option('--key <file>', 'public keys, one vkey line each (default: those in the archive)')
    .action((folder: string, options: RestoreOptions) => restore(context, folder, options));
}

async function restore(
  context: CliContext,
  folder: string,
  options: RestoreOptions,
): Promise<void> {
  const { restoreLog } = await import('@cortex-governance/evidence-writer/cold');
  const { verifyEvidence } = await import('@cortex-governance/evidence-writer');
  const { key, log = '' } = options;
  const given = key === undefined ? {} : { publicKeys: await readKeyLines(context, key) };
  const store = await openStore(context, options);
  const dir = resolve(context.cwd, folder);
  const restored = await restoreLog(store, log, dir, given).finally(() => store.close());
  const { ok, firstFault } = await verifyEvidence(dir, given);
  context.exit = ok ? 'OK' : 'NO';
  printResult(context, options.json, { ...restored, ok, firstFault }, [
    `${ok ? 'ok' : 'BAD'} ${dir}`,
    `  origin ${restored.origin}, records ${restored.size}, checked with the ${key === undefined ? 'archived' : 'given'} key`,
    ...restored.missing.map(
      ([from, to]) => `  records ${from} to ${to - 1} are not archived any more`,
    ),
    ...(firstFault === null ? [] : [`  first fault: ${firstFault.file}: ${firstFault.problem}`]),
  ]);
}

async function openStore(context: CliContext, options: RestoreOptions): Promise<ArchiveStore> {
  const { from } = options;
  if (from === undefined) {
    const { root, config } = await openWorkspace(context, options);
    const { openEvidenceArchive } = await import('@cortex-governance/governor');
    return openEvidenceArchive(root, config);
  }
  const { createFolderStore, createS3Store } = await import(
    '@cortex-governance/evidence-writer/cold'
  );
  if (!from.startsWith('s3:')) return createFolderStore(resolve(context.cwd, from));
  const match = /^s3:\/\/([^/]+)\/?((?:[\w.-]+\/)*)$/.exec(from);
  if (match === null) throw usageError('--from: not s3://bucket/ or s3://bucket/prefix/');
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = context.env;
  const endpoint = AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL;
  return createS3Store({
    bucket: match[1] ?? '',
    prefix: match[2],
    endpoint,
    // Other stores seldom have a host name for each bucket.
    forcePathStyle: endpoint !== undefined,
  });
}
