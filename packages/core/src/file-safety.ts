/** Permission bit that lets everyone write. */
const WORLD_WRITE = 0o002;

/**
 * Says which permission bits of a file let too many people at it, or null when none does.
 * Not checked on Windows, whose permissions these bits do not show.
 * @param forbidden bits that must be off: 0o002 (everyone may write) when left out, 0o077 for secrets,
 * 0o022 to report group-writable files too.
 */
export function findUnsafeMode(
  status: { readonly mode: number },
  forbidden = WORLD_WRITE,
): string | null {
  if (process.platform === 'win32' || (status.mode & forbidden) === 0) return null;
  const mode = (status.mode & 0o777).toString(8).padStart(4, '0');
  const verb = (status.mode & forbidden & 0o022) === 0 ? 'read' : 'write';
  return `mode ${mode} lets others ${verb} it`;
}

/** Says whose file it is when it belongs neither to this process's user nor to root, or null. */
export function findForeignOwner(status: { readonly uid: number }): string | null {
  if (process.getuid === undefined) return null;
  const uid = process.getuid();
  return status.uid === uid || status.uid === 0
    ? null
    : `it belongs to user ${status.uid}, not to user ${uid}`;
}
