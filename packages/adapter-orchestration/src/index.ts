// The complete public surface of @cortex-governance/adapter-orchestration: named exports only; adding a line here is adding API.

export {
  createFileWriteGuard,
  type FileWriteGuard,
  type FileWriteGuardOptions,
  type GuardedWriteOptions,
  type WrittenFile,
} from './file-write-guard.ts';
export {
  type GovernedParameters,
  type GovernedResult,
  type GovernedTool,
  governTool,
  type Tool,
  type ToolRun,
} from './governed-tool.ts';
export {
  type GovernedTools,
  governTools,
  type ToolRecord,
  type ToolsCallId,
  type ToolsUsage,
} from './governed-tools.ts';
export type { ObligationHandler, ObligationHandlers, ObligedCall } from './obligation-handler.ts';
export type { DeniedMode, PerCall, ToolBinding, ToolsBinding } from './tool-binding.ts';
export { isToolDenial, type ToolDenial } from './tool-denial.ts';
