/** One sample line of an exposition. */
export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric family of an exposition. */
export interface ExposedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ExposedSample[];
}

const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|NaN|[+-]Inf)$/i;
const VALUE_WORDS = new Set(['NaN', '+Inf', '-Inf']);

/**
 * The families of a Prometheus text exposition (format 0.0.4), by name. Strict: throws an Error that
 * names the line when a family has no HELP and TYPE before its samples or is split in two, a sample
 * belongs to no family or is there twice, a value or an escape is not of the format, buckets fall or
 * lack `+Inf`, or the text does not end with a newline.
 */
export function parseExposition(text: string): ReadonlyMap<string, ExposedFamily> {
  return new ExpositionParser().parse(text);
}

interface OpenFamily {
  readonly name: string;
  readonly help: string;
  type: string;
  readonly samples: ExposedSample[];
}

class ExpositionParser {
  readonly #families = new Map<string, OpenFamily>();
  readonly #seen = new Set<string>();
  #open: OpenFamily | null = null;
  #line = 0;

  parse(text: string): ReadonlyMap<string, ExposedFamily> {
    if (!text.endsWith('\n')) throw new Error('the text does not end with a newline');
    for (const line of text.slice(0, -1).split('\n')) {
      this.#line += 1;
      this.#readLine(line);
    }
    for (const family of this.#families.values()) this.#checkFamily(family);
    return this.#families;
  }

  #readLine(line: string): void {
    if (line === '') return;
    if (line.startsWith('# HELP ')) this.#readHelp(line.slice('# HELP '.length));
    else if (line.startsWith('# TYPE ')) this.#readType(line.slice('# TYPE '.length));
    else if (line.startsWith('#')) this.#fail('comment that is neither HELP nor TYPE');
    else this.#readSample(line);
  }

  #readHelp(rest: string): void {
    const space = rest.indexOf(' ');
    const name = space === -1 ? rest : rest.slice(0, space);
    const help = space === -1 ? '' : rest.slice(space + 1);
    if (match(NAME, name, 0) !== name) this.#fail(`metric name ${name}`);
    if (help.trim() === '') this.#fail('empty HELP');
    if (this.#families.has(name)) this.#fail(`family ${name} is there twice`);
    this.#open = { name, help: this.#unescape(help, /\\([\\n])/g), type: '', samples: [] };
    this.#families.set(name, this.#open);
  }

  #readType(rest: string): void {
    const [name = '', type = '', ...more] = rest.split(' ');
    if (this.#open?.name !== name || this.#open.type !== '')
      this.#fail('TYPE does not follow its HELP');
    if (!TYPES.has(type) || more.length > 0) this.#fail(`type ${type}`);
    if (this.#open !== null) this.#open.type = type;
  }

  #readSample(line: string): void {
    const name = match(NAME, line, 0);
    if (name === '') this.#fail('no metric name');
    const { labels, end } = this.#readLabels(line, name.length);
    const value = line.slice(end + 1);
    if (line[end] !== ' ' || !isValue(value))
      this.#fail(`value ${JSON.stringify(line.slice(end))}`);
    const family = this.#open;
    if (family === null || family.type === '' || !belongs(name, family)) {
      this.#fail(`sample ${name} is outside its family`);
    } else {
      this.#checkUnique(name, labels);
      family.samples.push({ name, labels, value: toNumber(value) });
    }
  }

  #checkUnique(name: string, labels: Readonly<Record<string, string>>): void {
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([name, sorted]);
    if (this.#seen.has(key)) this.#fail(`sample is there twice: ${key}`);
    this.#seen.add(key);
  }

  #readLabels(line: string, start: number): { labels: Record<string, string>; end: number } {
    const labels: Record<string, string> = {};
    if (line[start] !== '{') return { labels, end: start };
    let at = start + 1;
    while (line[at] !== '}') {
      const name = match(LABEL_NAME, line, at);
      if (name === '' || Object.hasOwn(labels, name)) this.#fail(`label name at column ${at + 1}`);
      at += name.length;
      if (!line.startsWith('="', at)) this.#fail(`no label value at column ${at + 1}`);
      const close = this.#closingQuote(line, at + 2);
      labels[name] = this.#unescape(line.slice(at + 2, close), /\\([\\n"])/g);
      at = close + 1;
      if (line[at] === ',') at += 1;
      else if (line[at] !== '}') this.#fail(`no end of labels at column ${at + 1}`);
    }
    return { labels, end: at + 1 };
  }

  #closingQuote(line: string, start: number): number {
    for (let i = start; i < line.length; i += 1) {
      if (line[i] === '\\') i += 1;
      else if (line[i] === '"') return i;
    }
    return this.#fail('label value without an end');
  }

  #unescape(text: string, escapes: RegExp): string {
    if (text.replace(escapes, '').includes('\\')) this.#fail('unknown escape');
    return text.replace(escapes, (_, char: string) => (char === 'n' ? '\n' : char));
  }

  #checkFamily(family: OpenFamily): void {
    if (family.type === '') this.#fail(`family ${family.name} has no TYPE`);
    if (family.type === 'counter' && family.samples.some(({ value }) => !(value >= 0))) {
      this.#fail(`counter ${family.name} is negative or not a number`);
    }
    if (family.type === 'histogram') this.#checkHistogram(family);
  }

  #checkHistogram(family: OpenFamily): void {
    const buckets = new Map<string, ExposedSample[]>();
    for (const sample of family.samples.filter(({ name }) => name.endsWith('_bucket'))) {
      const { le: _, ...labels } = sample.labels;
      const key = JSON.stringify(labels);
      buckets.set(key, [...(buckets.get(key) ?? []), sample]);
    }
    for (const [key, samples] of buckets) {
      const count = family.samples.find(
        ({ name, labels }) => name === `${family.name}_count` && JSON.stringify(labels) === key,
      );
      const last = samples.at(-1);
      if (last?.labels['le'] !== '+Inf' || last.value !== count?.value) {
        this.#fail(`histogram ${family.name}${key}: +Inf bucket and count differ`);
      }
      if (samples.some(({ value }, i) => value < (samples[i - 1]?.value ?? 0))) {
        this.#fail(`histogram ${family.name}${key}: buckets fall`);
      }
    }
  }

  #fail(problem: string): never {
    throw new Error(`line ${this.#line}: ${problem}`);
  }
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function belongs(sample: string, family: OpenFamily): boolean {
  if (sample === family.name) return family.type !== 'histogram';
  if (family.type !== 'histogram' && family.type !== 'summary') return false;
  const suffix = sample.startsWith(family.name) ? sample.slice(family.name.length) : '';
  return (
    suffix === '_sum' ||
    suffix === '_count' ||
    (suffix === '_bucket' && family.type === 'histogram')
  );
}

function isValue(text: string): boolean {
  if (!VALUE.test(text)) return false;
  // Go reads the words in any letter case; the format's own text does not say so.
  return !/[a-df-z]/i.test(text) || VALUE_WORDS.has(text);
}

function toNumber(text: string): number {
  if (text.endsWith('Inf')) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}
