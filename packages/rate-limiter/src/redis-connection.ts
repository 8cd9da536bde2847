import type { RedisScript } from './redis-script.ts';

/**
 * What the limiter needs of a Redis client. An implementation MUST NOT send a script again whose outcome it
 * does not know, and MUST NOT queue scripts while it is not connected.
 */
export interface RedisConnection {
  /**
   * Runs a script by EVALSHA, and by EVAL when the server answers NOSCRIPT; resolves with the reply as it
   * came. Rejects with the server's error reply, or when there is no connection.
   */
  evalScript(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown>;
  /** Whether keys live on several nodes, of which one can fail alone. Left out: they do not. */
  readonly sharded?: boolean;
  /**
   * Told when no answer came in time, or the server says that it is a replica: the connection may be half-open,
   * or its address belong to another server by now, so that it should be replaced. With {@link sharded} told
   * of every failure: another node may serve the key by now.
   */
  renew?(): void;
  close(): Promise<void>;
}
