// A `models.yaml` for a test: a free model and a dear one, and a server that is gone before the one that answers.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes it into the folder, and returns its path. `url` is that of the model server; it answers one request at a time. */
export function writeModels(folder, url) {
  const path = join(folder, "models.yaml");
  writeFileSync(
    path,
    `currency: EUR
endpoints:
  - {name: gone, provider: openai, url: "http://127.0.0.1:9/v1", takes: {classification: CONFIDENTIAL}}
  - {name: hall-2, provider: openai, url: "${url}", concurrency: 1, queue: 8, takes: {classification: RESTRICTED}}
  - {name: cloud, provider: openai, url: "https://models.example/v1", takes: {classification: PUBLIC}}
models:
  - {name: small, tiers: [LIGHT], context_tokens: 32768, price: free, endpoints: [{endpoint: hall-2, model: small-7b}]}
  - {name: large, tiers: [STANDARD], context_tokens: 131072, price: {input_per_million: 2.5, output_per_million: 10}, capabilities: {tools: true, json_schema: true}, endpoints: [{endpoint: gone}, {endpoint: hall-2}]}
  - {name: frontier, tiers: [HEAVY], context_tokens: 200000, price: {input_per_million: 5, output_per_million: 25, cached_per_million: 0.5}, capabilities: {tools: true, json_schema: true, images: true}, endpoints: [{endpoint: cloud}]}
`,
  );
  return path;
}
