import { describeRateLimiter } from '@cortex-governance/testkit';
import { createRateLimiter } from '../src/index.ts';

describeRateLimiter('createRateLimiter', () => createRateLimiter({ maxKeys: 100 }));
