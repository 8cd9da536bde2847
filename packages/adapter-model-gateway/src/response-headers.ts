const PASSED: ReadonlySet<string> = new Set(['content-type', 'x-request-id', 'retry-after']);

/** The upstream's headers that a client gets: these three and `openai-…`; no cookies, no length, no encoding. */
export function responseHeaders(headers: Headers): Headers {
  const passed = new Headers();
  for (const [name, value] of headers) {
    if (PASSED.has(name) || name.startsWith('openai-')) passed.set(name, value);
  }
  return passed;
}
