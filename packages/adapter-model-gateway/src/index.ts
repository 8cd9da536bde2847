// The complete public surface of @cortex-governance/adapter-model-gateway: named exports only; adding a line here is adding API.

export type { GatewayErrorBody } from './gateway-error.ts';
export { DEFAULT_MAX_BODY_BYTES, type ModelGatewayOptions } from './gateway-options.ts';
export { createModelGateway, type GatewayCaller, type ModelGateway } from './model-gateway.ts';
export type { ModelPrice } from './model-price.ts';
