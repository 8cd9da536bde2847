// The complete public surface of @cortex-governance/grant-loader: named exports only; adding a line here is adding API.

export {
  ARGUMENT_FORMATS,
  ARGUMENT_TYPES,
  type ArgumentFormat,
  ArgumentSpec,
  type ArgumentType,
} from './argument-spec.ts';
export { type CompileGrantOptions, compileGrant } from './compile-grant.ts';
export { enforce, resetEnforceLimits } from './enforce.ts';
export { DEFAULT_DEBOUNCE_MS } from './folder-watcher.ts';
export {
  ACTION_EFFECTS,
  DATA_CLASSES,
  GRANT_MODES,
  GRANT_RISKS,
  Grant,
} from './grant.ts';
export { GRANT_FOLDER, MAX_GRANT_FILE_BYTES } from './grant-file.ts';
export { MAX_GRANT_FILES } from './grant-folder.ts';
export {
  type CountingGrantIndex,
  createGrantIndex,
  DEFAULT_MAX_STALENESS_MS,
  DEFAULT_RESCAN_MS,
  type GrantIndexOptions,
} from './grant-index.ts';
export { grantJsonSchema } from './grant-json-schema.ts';
export {
  createGrantLoader,
  DEFAULT_MAX_GRANTS,
  DEFAULT_TTL_MS,
  type GrantLoader,
  type GrantLoaderOptions,
} from './grant-loader.ts';
export { type GrantRate, MAX_RATE } from './grant-rate.ts';
export {
  GRANT_LINT_WARNINGS,
  type GrantLintFinding,
  type GrantLintReport,
  type GrantLintWarning,
} from './lint-finding.ts';
export { type LintGrantsOptions, lintGrants } from './lint-grants.ts';
export { loadGrant } from './load-grant.ts';
export { MAX_PATH_LENGTH } from './path-text.ts';
