/*
 * The complete public surface of @cortex-governance/evidence-writer: named exports only; adding a line here is adding API.
 */
export {};
