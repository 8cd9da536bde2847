import { isSecretName, REDACTED, redactText } from './secret-names.ts';

/** Deepest nesting that is logged; what is below it is named by its kind. */
export const MAX_LOG_DEPTH = 8;

/** Most values (members and elements, at every depth) in one line. */
export const MAX_LOG_VALUES = 500;

/** Longest text in a line, in UTF-16 code units; the rest is cut off. */
export const MAX_LOG_TEXT_LENGTH = 8192;

const MAX_NAME_LENGTH = 128;

/** Members of an error that are logged beside type, message and stack. */
const ERROR_MEMBERS = ['code', 'httpStatus', 'details', 'cause', 'errors'] as const;

/** A copy of log fields that is plain, bounded and without secrets; the original is not touched. */
export function cleanFields(
  fields: unknown,
  secretNames: ReadonlySet<string>,
): Record<string, unknown> {
  const clean = new FieldCleaner(secretNames).clean(fields);
  return typeof clean === 'object' && clean !== null ? (clean as Record<string, unknown>) : {};
}

/** A text without secrets that are told by their shape, and not longer than a line bears. */
export function cleanText(text: string, maxLength: number = MAX_LOG_TEXT_LENGTH): string {
  if (text.length <= maxLength) return redactText(text);
  // A bit more is looked at, so that a secret that straddles the cut is still seen whole or in part.
  const clean = redactText(text.slice(0, maxLength + MAX_LOG_TEXT_LENGTH));
  return `${clean.slice(0, maxLength)}… (${text.length} characters)`;
}

class FieldCleaner {
  readonly #secretNames: ReadonlySet<string>;
  readonly #ancestors = new Set<object>();
  #values = 0;

  constructor(secretNames: ReadonlySet<string>) {
    this.#secretNames = secretNames;
  }

  clean(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return cleanText(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'bigint':
        return cleanText(value.toString());
      case 'boolean':
      case 'undefined':
        return value;
      case 'object':
        return value === null ? null : this.#object(value);
      default:
        return `[${typeof value}]`;
    }
  }

  #object(value: object): unknown {
    if (this.#ancestors.has(value)) return '[circular]';
    if (this.#ancestors.size >= MAX_LOG_DEPTH) return Array.isArray(value) ? '[array]' : '[object]';
    this.#ancestors.add(value);
    try {
      return this.#members(value);
    } catch {
      // A getter or a proxy that throws must not cost the line.
      return '[unreadable]';
    } finally {
      this.#ancestors.delete(value);
    }
  }

  #members(value: object): unknown {
    if (Array.isArray(value)) return this.#array(value);
    if (value instanceof Error) return this.#error(value);
    if (value instanceof Date) {
      return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    }
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (value instanceof Map || value instanceof Set) {
      return `[${value.constructor.name} of ${value.size}]`;
    }
    const clean = emptyRecord();
    for (const name in value) {
      if (!Object.hasOwn(value, name)) continue;
      if (!this.#count(clean)) break;
      this.#set(clean, name, (value as Record<string, unknown>)[name]);
    }
    return clean;
  }

  #array(values: readonly unknown[]): unknown[] {
    const clean: unknown[] = [];
    for (const value of values) {
      this.#values += 1;
      if (this.#values > MAX_LOG_VALUES) {
        clean.push('[more]');
        break;
      }
      clean.push(this.clean(value));
    }
    return clean;
  }

  #error(error: Error): Record<string, unknown> {
    const clean = emptyRecord();
    clean['type'] = cleanText(String(error.name), MAX_NAME_LENGTH);
    clean['message'] = cleanText(String(error.message));
    for (const name of ERROR_MEMBERS) {
      const value = (error as unknown as Record<string, unknown>)[name];
      if (value !== undefined && this.#count(clean)) this.#set(clean, name, value);
    }
    if (typeof error.stack === 'string') clean['stack'] = cleanText(error.stack);
    return clean;
  }

  #set(clean: Record<string, unknown>, name: string, value: unknown): void {
    const secret = isSecretName(name, value, this.#secretNames);
    clean[cleanText(name, MAX_NAME_LENGTH)] = secret ? REDACTED : this.clean(value);
  }

  /** Counts one more member; false when the line is full, which it then says. */
  #count(clean: Record<string, unknown>): boolean {
    this.#values += 1;
    if (this.#values <= MAX_LOG_VALUES) return true;
    clean['[more]'] = true;
    return false;
  }
}

/** Without a prototype, so that a member named `__proto__` is one like any other. */
function emptyRecord(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}
