/*
 * The complete public surface of @cortex-governance/testkit: named exports only; adding a line here is adding API.
 */
export {};
