import type { z } from 'zod';
import { GovernanceError } from './governance-error.ts';

/**
 * The options, checked and with defaults filled in.
 * @param where names the options in the message, such as `createRateLimiter(options)`.
 * @throws {GovernanceError} OPTIONS_INVALID, naming the first member that is wrong.
 */
export function parseOptions<S extends z.ZodType>(
  schema: S,
  options: unknown,
  where: string,
): z.output<S> {
  const result = schema.safeParse(options ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place =
    issue === undefined || issue.path.length === 0 ? where : `${where}.${issue.path.join('.')}`;
  throw new GovernanceError('OPTIONS_INVALID', {
    where: place,
    problem: issue?.message ?? 'invalid',
  });
}
