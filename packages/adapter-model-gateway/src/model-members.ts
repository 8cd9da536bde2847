/** What is decided on. */
const DECIDED: ReadonlySet<string> = new Set(['model', 'stream']);

/**
 * Members by which known OpenAI-compatible servers and routers take another model than `model` names,
 * another address, or another key.
 */
const OVERRIDING: ReadonlySet<string> = new Set([
  ...['models', 'model_list', 'engine', 'deployment_id', 'custom_llm_provider'],
  ...['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'],
  ...['api_base', 'base_url', 'api_key', 'extra_body', 'extra_headers'],
  // LiteLLM's router in a request, OpenRouter's presets, SGLang's adapters, LiteLLM's addresses of AWS.
  ...['user_config', 'router_settings_override', 'preset', 'lora_path'],
  ...['aws_bedrock_runtime_endpoint', 'aws_sts_endpoint'],
]);

/** What shows as nothing, and what some readers drop or stop at. */
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Says which member of a body could make the upstream run another call than the one decided on, or
 * null. Besides the members above, those are names that only some readers take for a decided one:
 * Go's `encoding/json`, for example, reads `Model` as `model`, and the last of both wins.
 */
export function findMemberProblem(body: Readonly<Record<string, unknown>>): string | null {
  for (const name of Object.keys(body)) {
    if (DECIDED.has(name)) continue;
    const folded = name.replace(INVISIBLE, '').normalize('NFKC').toLowerCase();
    if (DECIDED.has(folded)) return `a member can be taken for ${folded}`;
    if (OVERRIDING.has(folded)) return `member ${folded} can change the model or its address`;
  }
  return null;
}
