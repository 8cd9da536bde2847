/*
 * The complete public surface of @cortex-governance/tenant-guard: named exports only; adding a line here is adding API.
 */
export {};
