/** Deepest nesting of arrays and objects that {@link parseStrictJson} reads: twice what a request may hold. */
export const MAX_JSON_DEPTH = 64;

/** Names that reach an object's prototype in careless code. No field of a request or of a file is called so. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Everything but a quote, a backslash and the control characters (RFC 8259 section 7).
const PLAIN_STRING = /[ !#-[\]-\uffff]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** Why a text is not accepted, and where. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem';
  /** UTF-16 code units before the problem. */
  readonly position: number;

  constructor(problem: string, position: number) {
    super(`${problem} at position ${position}`);
    this.position = position;
  }
}

/**
 * The value of a JSON text (RFC 8259), read more strictly than `JSON.parse`: a repeated member name,
 * a member named `__proto__` or `constructor`, and nesting beyond {@link MAX_JSON_DEPTH} are refused,
 * because readers disagree on what such texts mean. Accepted texts have the value that `JSON.parse` gives.
 * @throws {JsonProblem} naming the position.
 */
export function parseStrictJson(text: string): unknown {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value(0);
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  /** One value and the space around it. */
  #value(depth: number): unknown {
    this.#skipSpace();
    const value = this.#bareValue(depth);
    this.#skipSpace();
    return value;
  }

  #bareValue(depth: number): unknown {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): Record<string, unknown> {
    this.#open(depth);
    const object: Record<string, unknown> = {};
    if (this.#takeIf('}')) return object;
    do {
      this.#skipSpace();
      const name = this.#name(object);
      this.#skipSpace();
      this.#take(':');
      object[name] = this.#value(depth);
    } while (this.#takeIf(','));
    this.#take('}');
    return object;
  }

  #name(object: Record<string, unknown>): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#unexpected();
    const name = this.#string();
    if (FORBIDDEN_NAMES.has(name)) throw new JsonProblem(`member named ${name}`, start);
    if (Object.hasOwn(object, name)) throw new JsonProblem('repeated member name', start);
    return name;
  }

  #array(depth: number): unknown[] {
    this.#open(depth);
    const array: unknown[] = [];
    if (this.#takeIf(']')) return array;
    do {
      array.push(this.#value(depth));
    } while (this.#takeIf(','));
    this.#take(']');
    return array;
  }

  #open(depth: number): void {
    if (depth > MAX_JSON_DEPTH)
      throw new JsonProblem(`nested deeper than ${MAX_JSON_DEPTH}`, this.#at);
    this.#at += 1;
    this.#skipSpace();
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    this.#match(PLAIN_STRING);
    if (this.#takeIf('"')) return this.#text.slice(start + 1, this.#at - 1);
    while (!this.#takeIf('"')) {
      if (this.#match(ESCAPE) === '') throw this.#unexpected();
      this.#match(PLAIN_STRING);
    }
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #scalar(): unknown {
    for (const [word, value] of LITERALS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    const number = this.#match(NUMBER);
    if (number === '') throw this.#unexpected();
    return Number(number);
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  /** Takes what a sticky pattern matches here; empty when it does not match. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const matched = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += matched.length;
    return matched;
  }

  #takeIf(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #take(character: string): void {
    if (!this.#takeIf(character)) throw this.#unexpected();
  }

  #unexpected(): JsonProblem {
    const end = this.#at >= this.#text.length;
    return new JsonProblem(end ? 'unexpected end' : 'unexpected character', this.#at);
  }
}
