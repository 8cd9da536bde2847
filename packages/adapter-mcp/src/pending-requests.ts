import { isPlainObject } from '@cortex-governance/core';
import { PROTOCOL_VERSION_META_KEY, type RequestId } from '@modelcontextprotocol/server';
import { isRequestId } from './rpc-message.ts';

/** A request of the client that has not been answered. */
export interface PendingRequest {
  readonly id: RequestId;
  readonly method: string;
  /** Names the request's progress notifications; undefined when none were asked for. */
  readonly progressToken: RequestId | undefined;
  /** Whether results state their type: protocol revision 2026-07-28. */
  readonly typedResult: boolean;
  /** False while a call is being decided: the server does not know of it yet. */
  forwarded: boolean;
  /** The client does not want the answer any more. */
  cancelled: boolean;
  /** Called once, when the request has ended, however it did: ends the watch for a stop, settles the call. */
  onEnd: () => void;
}

/**
 * The requests in flight, by id; and the ids of those that ended without the server's answer.
 *
 * The latter stay taken, so that the late answer to one of them is never delivered as the answer to
 * another request with the same id. Both are bounded: past the bound the oldest such id is forgotten.
 */
export class PendingRequests {
  readonly #limit: number;
  readonly #byId = new Map<RequestId, PendingRequest>();
  readonly #byProgressToken = new Map<RequestId, PendingRequest>();
  readonly #abandoned = new Set<RequestId>();

  /** @param limit most requests in flight, and most abandoned ids. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byId.size;
  }

  isFull(): boolean {
    return this.#byId.size >= this.#limit;
  }

  isTaken(id: RequestId): boolean {
    return this.#byId.has(id) || this.#abandoned.has(id);
  }

  /** @param meta the request's `_meta`. */
  add(id: RequestId, method: string, meta: unknown): PendingRequest {
    const members = isPlainObject(meta) ? meta : {};
    const token = members['progressToken'];
    const progressToken = isRequestId(token) ? token : undefined;
    const request: PendingRequest = {
      id,
      method,
      progressToken,
      typedResult: members[PROTOCOL_VERSION_META_KEY] !== undefined,
      forwarded: false,
      cancelled: false,
      onEnd: () => {},
    };
    this.#byId.set(id, request);
    if (progressToken !== undefined) this.#byProgressToken.set(progressToken, request);
    return request;
  }

  /** The request with this id that the server knows of. */
  findForwarded(id: RequestId): PendingRequest | undefined {
    const request = this.#byId.get(id);
    return request?.forwarded === true ? request : undefined;
  }

  find(id: RequestId): PendingRequest | undefined {
    return this.#byId.get(id);
  }

  /** Whether the server may report progress under this token. */
  hasProgressToken(token: unknown): boolean {
    return this.#byProgressToken.get(token as RequestId)?.forwarded === true;
  }

  /** Ends a request that has been answered. */
  settle(request: PendingRequest): void {
    request.onEnd();
    this.#byId.delete(request.id);
    const { progressToken } = request;
    if (progressToken !== undefined && this.#byProgressToken.get(progressToken) === request) {
      this.#byProgressToken.delete(progressToken);
    }
  }

  /** Ends a request whose answer may still come, and must not pass. */
  abandon(request: PendingRequest): void {
    this.settle(request);
    if (this.#abandoned.size >= this.#limit) {
      for (const oldest of this.#abandoned) {
        this.#abandoned.delete(oldest);
        break;
      }
    }
    this.#abandoned.add(request.id);
  }

  /** Forgets an abandoned id, because its late answer has come. */
  forget(id: RequestId): void {
    this.#abandoned.delete(id);
  }

  /** Ends all requests and returns those that were in flight. */
  clear(): readonly PendingRequest[] {
    const requests = [...this.#byId.values()];
    for (const request of requests) this.settle(request);
    this.#abandoned.clear();
    return requests;
  }
}
