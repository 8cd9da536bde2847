import { packageConfig } from '../../tools/vitest/package-config.ts';

export default packageConfig(import.meta.dirname);
