/*
 * The complete public surface of @cortex-governance/server: named exports only; adding a line here is adding API.
 */
export {};
