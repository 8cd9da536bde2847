import {
  errorMessage,
  type KillSwitchChange,
  type KillSwitchEntry,
  type KillTarget,
  parseStrictJson,
} from '@cortex-governance/core';
import { z } from 'zod';
import { ORDER_SHAPES, targetKey, targetOf } from './kill-order.ts';

/** Name of the file in the root folder. */
export const KILL_SWITCH_FILE = 'kill-switch.json';

/** Largest file that is read or written, in bytes. */
export const MAX_KILL_SWITCH_BYTES = 1_048_576;

/** Changes that the file remembers. */
export const MAX_HISTORY = 100;

const at = z.iso.datetime();
const changeShape = {
  type: z.enum(['engaged', 'released']),
  at,
  /** Revision of the file that the change made. */
  revision: z.int().min(0),
};

const entrySchema = z.discriminatedUnion('scope', [
  z.strictObject({ ...ORDER_SHAPES.global, at }),
  z.strictObject({ ...ORDER_SHAPES.tenant, at }),
  z.strictObject({ ...ORDER_SHAPES.agent, at }),
  z.strictObject({ ...ORDER_SHAPES.tool, at }),
  z.strictObject({ ...ORDER_SHAPES.action, at }),
]);

const historySchema = z.discriminatedUnion('scope', [
  z.strictObject({ ...ORDER_SHAPES.global, ...changeShape }),
  z.strictObject({ ...ORDER_SHAPES.tenant, ...changeShape }),
  z.strictObject({ ...ORDER_SHAPES.agent, ...changeShape }),
  z.strictObject({ ...ORDER_SHAPES.tool, ...changeShape }),
  z.strictObject({ ...ORDER_SHAPES.action, ...changeShape }),
]);

/** The file's format. */
export const killSwitchFileSchema = z.strictObject({
  $schema: z.string().exactOptional(),
  version: z.literal(1),
  /** Rises by one with every change. */
  revision: z.int().min(0),
  entries: z.array(entrySchema),
  history: z.array(historySchema).max(MAX_HISTORY),
});

/** One change, as the file remembers it. */
export interface KillSwitchRecord extends KillSwitchEntry {
  readonly type: 'engaged' | 'released';
  readonly revision: number;
}

/** The file's content. */
export interface KillSwitchFile {
  readonly $schema?: string;
  readonly version: 1;
  readonly revision: number;
  readonly entries: readonly KillSwitchEntry[];
  readonly history: readonly KillSwitchRecord[];
}

/** Nothing is stopped, and nothing ever was. */
export const EMPTY_FILE: KillSwitchFile = Object.freeze({
  version: 1,
  revision: 0,
  entries: Object.freeze([]),
  history: Object.freeze([]),
});

/** The content of a text, or place and problem. */
export type ParsedFile =
  | { readonly file: KillSwitchFile; readonly problem: null }
  | { readonly file: null; readonly problem: string };

/** Reads the text of a kill switch file. Anything but the exact format is a problem. */
export function parseKillSwitchFile(text: string): ParsedFile {
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    return { file: null, problem: `not JSON: ${errorMessage(error)}` };
  }
  const result = killSwitchFileSchema.safeParse(value);
  if (result.success) return { file: result.data, problem: null };
  const issue = result.error.issues[0];
  const place = issue?.path.join('.') ?? '';
  return { file: null, problem: `${place === '' ? 'top level' : place}: ${issue?.message}` };
}

/**
 * The text of a file. The oldest changes are left out where the file would be larger than it may be.
 * @throws {RangeError} when the entries alone are too large.
 */
export function serializeKillSwitchFile(file: KillSwitchFile): string {
  for (let kept = MAX_HISTORY; ; kept = Math.floor(kept / 2)) {
    const history = kept === 0 ? [] : file.history.slice(-kept);
    const text = `${JSON.stringify({ ...file, history }, null, 2)}\n`;
    if (Buffer.byteLength(text) <= MAX_KILL_SWITCH_BYTES) return text;
    if (kept === 0) {
      throw new RangeError(
        `${file.entries.length} stops take more than ${MAX_KILL_SWITCH_BYTES} bytes; stop a broader scope`,
      );
    }
  }
}

/** The file after the end of a stop; `order` says who ended it, why and when. */
export function withReleased(file: KillSwitchFile, order: KillSwitchEntry): KillSwitchFile {
  const key = targetKey(order);
  const revision = file.revision + 1;
  const record: KillSwitchRecord = { type: 'released', ...order, revision };
  return {
    ...file,
    revision,
    entries: file.entries.filter((entry) => targetKey(entry) !== key),
    history: [...file.history, record].slice(-MAX_HISTORY),
  };
}

/** Whether the file stops this target. */
export function holds(file: KillSwitchFile, target: KillTarget): boolean {
  const key = targetKey(target);
  return file.entries.some((entry) => targetKey(entry) === key);
}

/** A record as the change that listeners are told. */
export function changeOf(type: KillSwitchRecord['type'], entry: KillSwitchEntry): KillSwitchChange {
  const { actor, reason, at } = entry;
  return { type, target: targetOf(entry), actor, reason, at };
}
