/** An object of an archive. */
export interface ArchivedObject {
  readonly key: string;
  /** When it was stored, milliseconds since the Unix epoch. */
  readonly storedMs: number;
}

/**
 * Where an archive is kept. Objects are created once; keys are segments of `A-Z a-z 0-9 . _ @ % -` with `/`
 * between them.
 *
 * Each call MUST reject in bounded time when the store does not answer.
 */
export interface ArchiveStore {
  /** Stores a new object, durably; false when there is one of this key already, which stays as it is. */
  create(key: string, content: Uint8Array): Promise<boolean>;
  /** Stores an object in place of another, in one step. Only an erasure may do so. */
  replace(key: string, content: Uint8Array): Promise<void>;
  /** The content of an object; null when there is none. Rejects for one of more than `maxBytes`. */
  get(key: string, maxBytes: number): Promise<Buffer | null>;
  /** The objects whose keys start with a prefix that ends with `/`, by key. */
  list(prefix: string): AsyncIterable<ArchivedObject>;
  /** Removes an object, if it is there. */
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

const KEY = /^[\w.@%-]+(\/[\w.@%-]+)*$/;

/** Whether a store may be given this key: nothing that a file system or a URL reads in its own way. */
export function isArchiveKey(key: string): boolean {
  return KEY.test(key) && !key.split('/').some((segment) => /^\.+$/.test(segment));
}
