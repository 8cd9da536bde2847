import type { S3Client } from '@aws-sdk/client-s3';
import { loadPeer, tierError } from '../tier/tier-error.ts';
import { type ArchivedObject, type ArchiveStore, isArchiveKey } from './archive-store.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

const PACKAGE = '@aws-sdk/client-s3';

/** How long a connection may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** How long a request may take, in milliseconds. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 20_000;

/** Tries of a write that another one of the same key came between. */
const CONFLICT_TRIES = 5;

export interface S3StoreOptions {
  readonly bucket: string;
  /** Begins every key; empty, or ends with `/`. @defaultValue empty */
  readonly prefix?: string | undefined;
  /** @defaultValue as the SDK finds it */
  readonly region?: string | undefined;
  /** URL of a store other than AWS. */
  readonly endpoint?: string | undefined;
  /** @defaultValue false */
  readonly forcePathStyle?: boolean | undefined;
  /** @defaultValue 20 seconds */
  readonly requestTimeoutMs?: number | undefined;
}

/**
 * An archive in an S3 bucket, through the package `@aws-sdk/client-s3` (an optional peer). Credentials come
 * from the SDK's default chain. The store must honour `If-None-Match: *` on PutObject.
 * @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE without the package.
 */
export async function createS3Store(options: S3StoreOptions): Promise<ArchiveStore> {
  const sdk = await loadPeer('cold', PACKAGE, () => import('@aws-sdk/client-s3'));
  const { region, endpoint, forcePathStyle = false } = options;
  const timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const client = new sdk.S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle,
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
      requestTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  return new S3Store(sdk, client, options.bucket, options.prefix ?? '');
}

class S3Store implements ArchiveStore {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(sdk: Sdk, client: S3Client, bucket: string, prefix: string) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async create(key: string, content: Uint8Array): Promise<boolean> {
    const { PutObjectCommand } = this.#sdk;
    for (let tries = 1; ; tries += 1) {
      try {
        const put = { ...this.#at(key), Body: content, IfNoneMatch: '*' };
        await this.#client.send(new PutObjectCommand(put));
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (status === 412) return false;
        // Another write of this key came between; who was first is known the next time.
        if (status !== 409 || tries === CONFLICT_TRIES) throw tierError('cold', named(error));
      }
    }
  }

  async replace(key: string, content: Uint8Array): Promise<void> {
    const { PutObjectCommand } = this.#sdk;
    await this.#send(() =>
      this.#client.send(new PutObjectCommand({ ...this.#at(key), Body: content })),
    );
  }

  async get(key: string, maxBytes: number): Promise<Buffer | null> {
    const { GetObjectCommand } = this.#sdk;
    try {
      const { Body, ContentLength } = await this.#client.send(new GetObjectCommand(this.#at(key)));
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of (Body ?? []) as AsyncIterable<Uint8Array>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new Error(`${key}: more than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
      if (ContentLength !== undefined && ContentLength !== bytes) {
        throw new Error(`${key}: ${bytes} bytes, not ${ContentLength}`);
      }
      return Buffer.concat(chunks);
    } catch (error) {
      if (isNoSuchKey(error)) return null;
      throw tierError('cold', named(error));
    }
  }

  async *list(prefix: string): AsyncGenerator<ArchivedObject> {
    const { ListObjectsV2Command } = this.#sdk;
    let token: string | undefined;
    do {
      const page = await this.#send(() =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: `${this.#prefix}${prefix}`,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key, LastModified } of page.Contents ?? []) {
        const key = Key?.slice(this.#prefix.length);
        if (key === undefined || !isArchiveKey(key)) continue;
        yield { key, storedMs: LastModified?.getTime() ?? Date.now() };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async delete(key: string): Promise<void> {
    const { DeleteObjectCommand } = this.#sdk;
    await this.#send(() => this.#client.send(new DeleteObjectCommand(this.#at(key))));
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    if (!isArchiveKey(key)) throw tierError('cold', `${key} cannot be a key`);
    return { Bucket: this.#bucket, Key: `${this.#prefix}${key}` };
  }

  async #send<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      throw tierError('cold', named(error));
    }
  }
}

/** Some stores answer an absent key by a bare 404; an absent bucket is a failure. */
function isNoSuchKey(error: unknown): boolean {
  return statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket';
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** The SDK's messages are often empty or `UnknownError`; its names say more. */
function named(error: unknown): unknown {
  if (!(error instanceof Error) || error.message.includes(error.name)) return error;
  return new Error(`${error.name}: ${error.message}`, { cause: error });
}
