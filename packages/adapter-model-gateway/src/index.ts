/*
 * The complete public surface of @cortex-governance/adapter-model-gateway: named exports only; adding a line here is adding API.
 */
export {};
