/*
 * The complete public surface of @cortex-governance/adapter-mcp: named exports only; adding a line here is adding API.
 */
export {};
