import { readFile, stat } from 'node:fs/promises';
import { errorMessage, findUnsafeMode, GovernanceError } from '@cortex-governance/core';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { type GovernanceConfig, governanceConfigSchema } from './governance-config.ts';

/** Largest configuration file read: 256 KiB. */
const MAX_CONFIG_BYTES = 262_144;

/**
 * The checked configuration of a `governance.yaml`; all defaults when there is no such file.
 * @throws {GovernanceError} CONFIG_INVALID, naming file, line and column, and the member.
 */
export async function loadGovernanceConfig(file: string): Promise<GovernanceConfig> {
  const text = await readConfig(file);
  const lines = new LineCounter();
  // Aliases are off, so that a small file cannot unfold into a huge one.
  const document = parseDocument(text ?? '', {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
  });
  const syntax = document.errors[0] ?? document.warnings[0];
  if (syntax !== undefined) {
    throw invalid(
      file,
      position(lines, syntax.pos[0]),
      syntax.message.split('\n')[0] ?? 'not YAML',
    );
  }
  const result = governanceConfigSchema.safeParse(toValue(file, document) ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path ?? [];
  const member = path.length === 0 ? '' : `${path.join('.')}: `;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const where =
    (unknown === undefined ? null : keyPlace(document, lines, path, unknown)) ??
    place(document, lines, path);
  throw invalid(file, where, `${member}${issue?.message ?? 'invalid'}`);
}

function toValue(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw invalid(file, '1:1', errorMessage(error));
  }
}

async function readConfig(file: string): Promise<string | null> {
  try {
    const status = await stat(file);
    if (!status.isFile()) throw invalid(file, '0:0', 'not a regular file');
    if (status.size > MAX_CONFIG_BYTES)
      throw invalid(file, '0:0', `larger than ${MAX_CONFIG_BYTES} bytes`);
    const unsafe = findUnsafeMode(status);
    if (unsafe !== null) throw invalid(file, '0:0', unsafe);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof GovernanceError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw invalid(file, '0:0', errorMessage(error));
  }
}

/** Line and column of the value at a path, or of its nearest ancestor that is in the file. */
function place(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return position(lines, node.range[0]);
  }
  return '1:1';
}

/** Line and column of a key of the map at a path; null when it cannot be found. */
function keyPlace(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
  name: string,
): string | null {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return null;
  const key: unknown = map.items.find((pair) => isScalar(pair.key) && pair.key.value === name)?.key;
  return isNode(key) && key.range ? position(lines, key.range[0]) : null;
}

function position(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}

function invalid(file: string, where: string, problem: string): GovernanceError {
  return new GovernanceError('CONFIG_INVALID', { file, place: where, problem });
}
