/*
 * The complete public surface of @cortex-governance/telemetry: named exports only; adding a line here is adding API.
 */
export {};
