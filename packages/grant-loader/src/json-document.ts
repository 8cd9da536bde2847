import {
  findNodeAtLocation,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';

/** Deepest nesting of a grant file. */
const MAX_DEPTH = 64;

const STRICT = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };

/** A place in a text, and what is wrong there. */
export interface DocumentProblem {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
  /** Path of the member, such as `rate.perMinute`; empty for the document. */
  readonly member: string;
  readonly problem: string;
}

/** A JSON text (RFC 8259, without duplicate names) that knows where each of its values stands. */
export class JsonDocument {
  readonly value: unknown;
  readonly #text: string;
  readonly #root: Node;

  private constructor(text: string, root: Node) {
    this.#text = text;
    this.#root = root;
    this.value = JSON.parse(text);
  }

  /** The document, or the first thing that is wrong with the text. */
  static parse(text: string): JsonDocument | DocumentProblem {
    const deep = findTooDeep(text);
    if (deep !== -1) return problemAt(text, deep, '', `nested deeper than ${MAX_DEPTH}`);
    const errors: ParseError[] = [];
    const root = parseTree(text, errors, STRICT);
    const error = errors[0];
    if (root === undefined || error !== undefined) {
      const offset = Math.min(error?.offset ?? 0, text.length);
      return problemAt(text, offset, '', `not valid JSON: ${describe(error)}`);
    }
    return findNameProblem(text, root) ?? new JsonDocument(text, root);
  }

  /**
   * A problem at a member. Where the member does not exist, the place is that of the object it is missing in.
   * @param name of a member of the object at `path` whose name itself is the problem.
   */
  problem(path: readonly PropertyKey[], problem: string, name?: string): DocumentProblem {
    const segments = path.map((key) => (typeof key === 'symbol' ? String(key) : key));
    let node: Node | undefined;
    for (let length = segments.length; node === undefined && length >= 0; length -= 1) {
      node = findNodeAtLocation(this.#root, segments.slice(0, length));
    }
    const place = name === undefined ? node : (nameNode(node, name) ?? node);
    const member = memberPath(name === undefined ? segments : [...segments, name]);
    return problemAt(this.#text, place?.offset ?? 0, member, problem);
  }
}

/** `file`-independent text of a problem's place: `3:15 rate.perMinute`. */
export function placeOf(problem: DocumentProblem): string {
  const position = `${problem.line}:${problem.column}`;
  return problem.member === '' ? position : `${position} ${problem.member}`;
}

/** A problem at an offset of a text. */
export function problemAt(
  text: string,
  offset: number,
  member: string,
  problem: string,
): DocumentProblem {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - before.lastIndexOf('\n');
  return { line, column, member, problem };
}

function describe(error: ParseError | undefined): string {
  if (error === undefined) return 'empty';
  const words = printParseErrorCode(error.error).replace(/([a-z])([A-Z])/g, '$1 $2');
  return words.toLowerCase();
}

/** Offset of the first bracket that nests too deep, or -1. The parser is recursive and would overflow. */
function findTooDeep(text: string): number {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (character === '"') inString = !inString;
    else if (inString) i += character === '\\' ? 1 : 0;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > MAX_DEPTH) return i;
  }
  return -1;
}

/** The first name that is there twice, or cannot be a member's name, or string that is not Unicode. */
function findNameProblem(
  text: string,
  node: Node,
  path: readonly (string | number)[] = [],
): DocumentProblem | null {
  if (node.type === 'string' && !(node.value as string).isWellFormed()) {
    return problemAt(text, node.offset, memberPath(path), 'has a lone surrogate');
  }
  const seen = new Set<string>();
  for (const [i, child] of (node.children ?? []).entries()) {
    if (node.type !== 'object') {
      const problem = findNameProblem(text, child, [...path, i]);
      if (problem !== null) return problem;
      continue;
    }
    const [key, value] = child.children ?? [];
    const name = key?.value as string;
    const inner = [...path, name];
    const bad = nameProblem(name, seen);
    if (bad !== null) return problemAt(text, child.offset, memberPath(inner), bad);
    seen.add(name);
    const problem = value === undefined ? null : findNameProblem(text, value, inner);
    if (problem !== null) return problem;
  }
  return null;
}

function nameProblem(name: string, seen: ReadonlySet<string>): string | null {
  if (seen.has(name)) return 'is there twice';
  if (name === '__proto__') return 'is not accepted as a name';
  return name.isWellFormed() ? null : 'has a lone surrogate';
}

function nameNode(node: Node | undefined, name: string): Node | undefined {
  return node?.children?.find((child) => child.children?.[0]?.value === name);
}

function memberPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((whole, key) => {
    if (typeof key === 'number') return `${whole}[${key}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${whole}[${JSON.stringify(key)}]`;
    return whole === '' ? key : `${whole}.${key}`;
  }, '');
}
