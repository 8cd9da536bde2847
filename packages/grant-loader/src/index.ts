/*
 * The complete public surface of @cortex-governance/grant-loader: named exports only; adding a line here is adding API.
 */
export {};
