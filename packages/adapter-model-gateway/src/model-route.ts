import { refusalResponse } from './gateway-error.ts';

/** The grant's actions. */
export type ModelAction = 'chat' | 'embeddings' | 'rerank';

/** What is asked of the upstream. */
export interface ModelRoute {
  readonly action: ModelAction;
  /** Below the upstream's base URL. */
  readonly endpoint: string;
}

const ROUTES: readonly ModelRoute[] = [
  { action: 'chat', endpoint: '/chat/completions' },
  { action: 'embeddings', endpoint: '/embeddings' },
  { action: 'rerank', endpoint: '/rerank' },
];

/** With the version, and without for hosts that mount the gateway at `/v1`. */
const BY_PATH: ReadonlyMap<string, ModelRoute> = new Map(
  ROUTES.flatMap((route) => [
    [route.endpoint, route],
    [`/v1${route.endpoint}`, route],
  ]),
);

/**
 * The route of a request, or the response that refuses it: 404 for an unknown path, 405 for a method
 * other than POST. The path is compared as it is: encoded, doubled or trailing slashes are unknown. A
 * query plays no part and is not sent on.
 */
export function findRoute(request: Request): ModelRoute | Response {
  const route = BY_PATH.get(new URL(request.url).pathname);
  if (route === undefined) {
    return refusalResponse(404, 'ROUTE_UNKNOWN', 'there is no such route');
  }
  if (request.method !== 'POST') {
    return refusalResponse(405, 'METHOD_NOT_ALLOWED', 'the method must be POST', { allow: 'POST' });
  }
  return route;
}
