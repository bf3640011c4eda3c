// The official openai package, unmodified, against a running Millwright. run.sh says which variables it reads.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const { SDK_BASE_URL: baseURL, SDK_KEY, SDK_POOR_KEY, SDK_MODEL: model, SDK_QUESTION, SDK_ANSWER, SDK_BUDGET } = process.env;
const client = (apiKey = SDK_KEY, more = {}) => new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000, ...more });
const say = (content) => [{ role: "user", content }];
const stockOf = {
  type: "function",
  function: {
    name: "stock_of",
    description: "Pieces of a material in a plant",
    parameters: {
      type: "object",
      properties: { plant: { type: "string" }, minimum: { type: "integer" } },
      required: ["plant", "minimum"],
      additionalProperties: false,
    },
  },
};
const forced = { type: "function", function: { name: "stock_of" } };

test("an answer at once", async () => {
  const answer = await client().chat.completions.create({ model, messages: say("Is order 51 released?"), max_tokens: 24, seed: 7 });
  assert.equal(answer.object, "chat.completion");
  assert.ok(answer.choices[0].message.content);
  assert.ok(answer.usage.total_tokens === answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test("an answer in pieces", async () => {
  const stream = await client().chat.completions.create({
    model, messages: say("Is order 52 released?"), max_tokens: 24, stream: true, stream_options: { include_usage: true },
  });
  let text = "", usage, reason;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  assert.ok(text && usage.completion_tokens > 0);
  assert.match(reason, /^(stop|length)$/);
});

test("the accumulating stream, and leaving it", async () => {
  const whole = await client().chat.completions.stream({ model, messages: say("Is order 53 released?"), max_tokens: 24 }).finalContent();
  assert.ok(whole);
  const stream = await client().chat.completions.create({ model, messages: say("Is order 54 released?"), stream: true });
  for await (const _ of stream) break;
  stream.controller.abort();
});

test("a tool is called, at once and in pieces", async () => {
  const messages = say("How much of 4711 is in Hamburg?");
  const first = await client().chat.completions.create({ model, messages, tools: [stockOf], tool_choice: forced, max_tokens: 200 });
  const [call] = first.choices[0].message.tool_calls;
  assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)).sort(), ["minimum", "plant"]);
  messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "12 pieces" });
  const second = await client().chat.completions.create({ model, messages, tools: [stockOf], tool_choice: "none", max_tokens: 24 });
  assert.ok(second.choices[0].message.content);
  const runner = client().chat.completions.stream({ model, messages: say("Stock in Bremen?"), tools: [stockOf], tool_choice: forced, max_tokens: 200 });
  const final = await runner.finalMessage();
  assert.deepEqual(Object.keys(JSON.parse(final.tool_calls[0].function.arguments)).sort(), ["minimum", "plant"]);
});

test("an answer in the form of a schema", async () => {
  const schema = { type: "object", properties: { number: { type: "string" }, items: { type: "integer" } }, required: ["number", "items"], additionalProperties: false };
  const answer = await client().chat.completions.parse({
    model, messages: say("Order 55?"), max_tokens: 400,
    response_format: { type: "json_schema", json_schema: { name: "order", strict: true, schema } },
  });
  assert.equal(typeof answer.choices[0].message.parsed.number, "string");
});

test("log probabilities pass through", async () => {
  const answer = await client().chat.completions.create({ model, messages: say("Is order 56 released?"), logprobs: true, max_tokens: 8 });
  assert.ok(answer.choices[0].logprobs.content.length > 0);
});

test("vectors", async () => {
  // This package asks for base64 by itself and unpacks it.
  const made = await client().embeddings.create({ model: "all-minilm-l6-v2", input: ["pump", "valve"] });
  assert.deepEqual(made.data.map((item) => item.embedding.length), [384, 384]);
  assert.ok(made.data[0].embedding.every((value) => Math.abs(value) < 1));
});

test("the list of models", async () => {
  const names = [];
  for await (const { id } of client().models.list()) names.push(id);
  for (const name of [model, "millwright-agent", "all-minilm-l6-v2"]) assert.ok(names.includes(name), `${name}: ${names}`);
});

test("the agent answers with its sources", async () => {
  const answer = await client().chat.completions.create({ model: "millwright-agent", messages: say(SDK_QUESTION) });
  assert.ok(answer.choices[0].message.content.includes(SDK_ANSWER));
  assert.ok(answer.millwright.citations.length > 0);
});

test("refusals have their class and say what is wrong", async () => {
  const create = (parameters, key) => client(key).chat.completions.create({ model, messages: say("Is order 57 released?"), ...parameters });
  await assert.rejects(create({ logit_bias: { 1: 1 } }), (error) => error instanceof OpenAI.BadRequestError && /logit_bias/.test(error.message));
  await assert.rejects(create({ n: 3 }), (error) => error instanceof OpenAI.BadRequestError && error.param === "n");
  await assert.rejects(create({ model: "gpt-99" }), (error) => error instanceof OpenAI.NotFoundError && /gpt-99/.test(error.message));
  await assert.rejects(create({}, "mwk_0123456789abcdef"), OpenAI.AuthenticationError);
  await assert.rejects(create({}, SDK_POOR_KEY), (error) =>
    error instanceof OpenAI.RateLimitError && error.code === "budget_exceeded" && error.message.includes(SDK_BUDGET));
});
