import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Attributes,
  type DecisionRequest,
  errorMessage,
  isPlainObject,
} from '@cortex-governance/core';
import type { CliContext } from './cli-context.ts';
import { usageError } from './cli-error.ts';

/** Largest request read: 16 MiB. */
const MAX_REQUEST_BYTES = 16_777_216;

/** A JSON object from the command line. @throws {CliError} USAGE */
export async function readJsonObject(name: string, text: string): Promise<Attributes> {
  const { parseStrictJson } = await import('@cortex-governance/core');
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    throw usageError(`${name}: malformed JSON: ${errorMessage(error)}`);
  }
  if (!isPlainObject(value)) throw usageError(`${name}: not a JSON object`);
  return value;
}

/** The decision request in a file with an AuthZEN evaluation request, `tenant` included if it has one; `-` reads stdin. */
export async function readRequestFile(
  context: CliContext,
  file: string,
): Promise<Omit<DecisionRequest, 'tenant'> & { readonly tenant?: string }> {
  const { toDecisionRequest } = await import('@cortex-governance/server');
  const body = await readJsonObject(file, await readText(context, file));
  const { tenant, ...request } = toDecisionRequest(body, '');
  const named: unknown = body['tenant'];
  if (named === undefined) return request;
  if (typeof named !== 'string') throw usageError(`${file}: tenant: not a string`);
  return { ...request, tenant: named };
}

async function readText(context: CliContext, file: string): Promise<string> {
  const bytes =
    file === '-' ? await readAll(context.stdin) : await readFile(resolve(context.cwd, file));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`${file}: not UTF-8`);
  }
}

async function readFile(path: string): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw usageError(`--request: ${errorMessage(error)}`);
  }
  try {
    return await readAll(file.createReadStream({ autoClose: false }));
  } finally {
    await file.close();
  }
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_REQUEST_BYTES)
      throw usageError(`the request is larger than ${MAX_REQUEST_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
