import { packageConfig } from './vitest/package-config.ts';

export default packageConfig(import.meta.dirname);
