import type { Governor } from '@cortex-governance/governor';
import type { TenantContext, TenantDenial } from '@cortex-governance/tenant-guard';
import type { FastifyRequest } from 'fastify';

/**
 * Whose request this is, or why that is not known. The header fields go in as they came, so that a
 * repeated one is seen, and the peer is the socket's: no `Forwarded` header is believed.
 * @param bodyTenant the body's own word, which can only agree or conflict.
 */
export function deriveTenant(
  governor: Governor,
  request: FastifyRequest,
  bodyTenant?: unknown,
): Promise<TenantContext | TenantDenial> {
  return governor.tenants.derive({
    headers: request.raw.rawHeaders,
    remoteAddress: request.raw.socket.remoteAddress,
    bodyTenant,
  });
}
