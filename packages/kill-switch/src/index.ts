/*
 * The complete public surface of @cortex-governance/kill-switch: named exports only; adding a line here is adding API.
 */
export {};
