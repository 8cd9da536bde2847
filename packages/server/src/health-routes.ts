import type { Governor } from '@cortex-governance/governor';
import type { FastifyInstance } from 'fastify';
import { publicProblem } from './public-problem.ts';
import { setStatusHeaders } from './reply-headers.ts';

/**
 * Liveness, readiness and metrics. Open to everyone who can connect; none of them does any I/O. Problems
 * are shown without files and what follows them: operators read those in the status.
 */
export function healthRoutes(app: FastifyInstance, governor: Governor): void {
  app.get('/health/live', async () => ({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    const { ready, problems, warnings } = governor.status();
    const status = ready ? 200 : 503;
    setStatusHeaders(reply, status);
    return reply.code(status).send({
      status: ready ? 'ready' : 'not_ready',
      problems: problems.map(publicProblem),
      warnings: warnings.map(publicProblem),
    });
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await governor.metrics.expose();
    return reply.header('content-type', contentType).send(body);
  });
}
