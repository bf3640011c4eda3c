// A server with the OpenAI chat API that writes slowly: it repeats the sentences of the first passage it is given, word by word. With
// it a person has the time to stop an answer or to leave the page while it is written, which the built-in answerer is too fast for.
// Told to ask first, it asks which pump is meant. Asked for the plan of a goal, it writes always the same one. Asked for its points, it says one that a passage holds and one that none does.
import http from "node:http";

const passage = /BEGIN PASSAGE 1 [^\n]*\n[\s\S]*?\n\n([\s\S]*?)\nEND PASSAGE 1 /;

const PLAN = {
  steps: [
    { name: "torque", ask: "What torque do the coupling bolts need?", after: [] },
    { name: "opening", ask: "What has to be done before the pump is opened?", after: ["torque"] },
  ],
};

function answerTo(messages) {
  const system = messages[0].content;
  if (system.includes("You plan how a goal is reached")) return JSON.stringify(PLAN).replaceAll(",", ", ");
  const text = passage.exec(messages.map((message) => message.content).join("\n"))?.[1] ?? "";
  const sentences = text.replace(/\s+/g, " ").split(/(?<=\.)\s+/).filter((sentence) => sentence.split(" ").length > 4 && sentence.endsWith("."));
  if (system.includes("People in a plant think about a question together")) {
    const says = [sentences[0] ?? "The passages say nothing.", "The pump has always been blue."];
    return JSON.stringify({ points: says.map((says, at) => ({ says, wrong: "The answer leaves it out.", passages: [1], weight: 4 - at, kind: at === 0 ? "agreed" : "dissent" })) });
  }
  return sentences.map((sentence) => `${sentence.slice(0, -1)} [1].`).join(" ");
}

/** Listens on a free port of the loopback. `wordMs` is the time between two words. */
export async function startSlowModel(wordMs) {
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => void answer(request, response, body));
  });
  // While it holds, an answer is begun and not gone on with.
  let gate = null;
  async function answer(request, response, body) {
    if (!request.url.endsWith("/chat/completions")) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data: [{ id: "slow", object: "model" }] }));
      return;
    }
    const { messages, stream, tools = [] } = JSON.parse(body);
    const asks = stream && tools.some(({ function: { name } }) => name === "ask_person") && /Ask me first/.test(messages.findLast(({ role }) => role === "user").content) && !messages.some(({ role }) => role === "tool");
    const words = answerTo(messages).split(/(?<= )/);
    const usage = { prompt_tokens: messages.map(({ content }) => content).join(" ").split(" ").length, completion_tokens: words.length };
    if (!stream) {
      if (gate !== null) {
        gate.tell();
        await gate.open;
      }
      const message = { role: "assistant", content: words.join("") };
      const whole = { id: "c", object: "chat.completion", created: 0, model: "slow", choices: [{ index: 0, message, finish_reason: "stop" }] };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...whole, usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens } }));
      return;
    }
    const chunk = (delta, reason = null) =>
      `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "slow", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (asks) {
      const call = { index: 0, id: "a", type: "function", function: { name: "ask_person", arguments: JSON.stringify({ question: "Which pump do you mean?", options: ["P-101", "P-102"] }) } };
      response.write(chunk({ role: "assistant", tool_calls: [call] }));
      response.write(chunk({}, "tool_calls"));
      response.end("data: [DONE]\n\n");
      return;
    }
    for (const word of words) {
      if (response.destroyed) return;
      response.write(chunk({ role: "assistant", content: word }));
      if (gate !== null) {
        gate.tell();
        await gate.open;
      }
      await new Promise((resolve) => setTimeout(resolve, wordMs));
    }
    response.write(chunk({}, "stop"));
    response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "slow", choices: [], usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens } })}\n\n`);
    response.end("data: [DONE]\n\n");
  }
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const control = {
    hold: () => {
      gate = {};
      gate.held = new Promise((resolve) => (gate.tell = resolve));
      gate.open = new Promise((resolve) => (gate.release = resolve));
    },
    /** Until an answer is held. */
    held: () => gate.held,
    release: () => {
      gate.release();
      gate = null;
    },
  };
  return { ...control, url: `http://127.0.0.1:${server.address().port}/v1`, close: () => (server.closeAllConnections(), server.close()) };
}
