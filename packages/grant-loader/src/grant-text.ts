import { deepFreeze } from './deep-freeze.ts';
import { Grant } from './grant.ts';
import { type DocumentProblem, JsonDocument, problemAt } from './json-document.ts';
import { showText } from './shown-text.ts';

/** A grant, deeply frozen, or everything that is wrong with its text. */
export type GrantReading =
  | { readonly grant: Grant; readonly document: JsonDocument; readonly problems: null }
  | {
      readonly grant: null;
      readonly document: null;
      readonly problems: readonly DocumentProblem[];
    };

/** Reads the bytes of a grant file: UTF-8 without a byte order mark, strict JSON, the grant's schema. */
export function readGrantText(bytes: Uint8Array): GrantReading {
  const text = decode(bytes);
  if (typeof text !== 'string') return refused([text]);
  const document = JsonDocument.parse(text);
  if (!(document instanceof JsonDocument)) return refused([document]);
  const result = Grant.safeParse(document.value);
  if (result.success) return { grant: deepFreeze(result.data), document, problems: null };
  return refused(
    result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) =>
            document.problem(issue.path, `unknown member ${showText(key)}`, key),
          )
        : [document.problem(issue.path, issue.message)],
    ),
  );
}

function refused(problems: readonly DocumentProblem[]): GrantReading {
  return { grant: null, document: null, problems };
}

function decode(bytes: Uint8Array): string | DocumentProblem {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (text.startsWith('\ufeff')) return problemAt(text, 0, '', 'starts with a byte order mark');
    return text;
  } catch {
    const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    return problemAt(lenient, Math.max(0, lenient.indexOf('\ufffd')), '', 'not valid UTF-8');
  }
}
