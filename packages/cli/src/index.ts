/*
 * The complete public surface of @cortex-governance/cli: named exports only; adding a line here is adding API.
 */
export {};
