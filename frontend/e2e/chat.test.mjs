import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, test } from "node:test";
import { BASE, NARROW, PDF, answered, api, ask, closeBrowser, documentReady, forgetConversations, open, person } from "./lib/harness.mjs";

const operator = person("operator");
const QUESTION = process.env.MILLWRIGHT_E2E_QUESTION ?? "What are maintenance instructions used for?";
const name = basename(PDF ?? "missing.pdf");
let uploaded;

before(async () => {
  await forgetConversations(operator);
  const form = new FormData();
  form.set("classification", "INTERNAL");
  form.set("file", new Blob([readFileSync(PDF)], { type: "application/pdf" }), name);
  const response = await api(operator, "/documents/upload", { method: "POST", body: form });
  assert.equal(response.status, 202, await response.text());
  uploaded = await documentReady(operator, name);
});
after(closeBrowser);

/** Whether what is marked on the page is the quote: nothing else, and at least nine tenths of it. */
function isQuote(marked, quote) {
  const letters = (text) => text.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return letters(quote).includes(letters(marked)) && letters(marked).length >= 0.9 * letters(quote).length;
}

test("an answer streams in with its steps, and a citation opens the page with the words marked", async () => {
  const { page, check, close } = await open({ user: operator });
  await page.goto(`${BASE}/chat`);
  await ask(page, QUESTION);
  await page.waitForURL(/\/chat\/cnv_[0-9a-f]{32}/);
  await answered(page);
  assert.match(await page.getByTestId("steps").innerText(), /Searched \d+ passages? · read \d+ · checked/);
  assert.match(await page.getByTestId("answer-facts").innerText(), /(Public|Internal|Confidential|Restricted)/);

  const id = page.url().match(/cnv_[0-9a-f]{32}/)[0];
  const conversation = await (await api(operator, `/conversations/${id}`)).json();
  const [citation] = conversation.messages.at(-1).citations;
  // The sample of the same content may be cited in its place.
  const cited = await (await api(operator, `/documents/${citation.document_id}`)).json();
  assert.equal(cited.latest.sha256, uploaded.latest.sha256, "the answer cites the uploaded PDF");

  const chip = page.locator(`[data-citation="${citation.number}"]`).first();
  await chip.hover();
  await page.getByText(citation.quote.slice(0, 20).split("\n")[0]).last().waitFor();
  await chip.click();
  await page.locator(".textLayer mark").first().waitFor();
  assert.equal(await page.getByTestId("pdf-page").getAttribute("data-page"), String(citation.page));
  const marked = (await page.locator(".textLayer mark").allInnerTexts()).join(" ");
  assert.ok(isQuote(marked, citation.quote), `marked: ${marked}\nquoted: ${citation.quote}`);
  assert.ok(await page.locator(".textLayer mark").first().isVisible());
  assert.match(page.url(), /source=msg_/);

  await page.getByRole("button", { name: "Text", exact: true }).click();
  assert.equal(await page.getByTestId("text-page").locator("mark").innerText().then((text) => text.replace(/\s+/g, " ")), citation.quote.replace(/\s+/g, " "));
  await page.keyboard.press("Escape");
  await page.getByRole("complementary", { name: "Source" }).waitFor({ state: "detached" });

  // Coming back shows the same, with the steps read from the server.
  await page.reload();
  await answered(page);
  await page.getByTestId("steps").click();
  await page.getByText("Searched for", { exact: false }).waitFor();
  check();
  await close();
});

test("regenerating makes another version of the answer, editing another version of the question", async () => {
  const { page, check, close } = await open({ user: operator });
  await page.goto(`${BASE}/chat`);
  await ask(page, QUESTION);
  await answered(page);

  await page.getByTestId("answer").hover();
  await page.getByRole("button", { name: "Answer again" }).click();
  await page.getByText("2 of 2").waitFor();
  await answered(page);
  await page.getByRole("button", { name: "Previous version" }).click();
  await page.getByText("1 of 2").waitFor();

  await page.getByTestId("question").hover();
  await page.getByRole("button", { name: "Edit question" }).click();
  await page.getByRole("textbox", { name: "Edit question" }).fill(`${QUESTION} Give an example.`);
  await page.getByRole("button", { name: "Send as a new version" }).click();
  await page.getByTestId("question").getByText("Give an example.").waitFor();
  await answered(page);
  assert.match(await page.getByTestId("question").innerText(), /2 of 2/);
  await page.getByTestId("question").getByRole("button", { name: "Previous version" }).click();
  await page.getByTestId("question").getByText(QUESTION, { exact: true }).waitFor();

  const id = page.url().match(/cnv_[0-9a-f]{32}/)[0];
  const { messages } = await (await api(operator, `/conversations/${id}`)).json();
  assert.deepEqual(messages.filter((message) => message.role === "user").map((message) => message.parent_id), [null, null]);
  assert.equal(messages.filter((message) => message.role === "assistant").length, 3);
  check();
  await close();
});

test("what the documents do not hold is said so, calmly", async () => {
  const { page, check, close } = await open({ user: operator });
  await page.goto(`${BASE}/chat`);
  await ask(page, "Which football club won the championship in 1974 and who scored?");
  await answered(page);
  await page.getByTestId("unanswered").getByText("Not in the documents").waitFor();
  check();
  await close();
});

test("an answer goes on after the connection broke", async () => {
  const { page, close } = await open({ user: operator, allow: [/ERR_/, /Failed to load resource/] });
  await page.goto(`${BASE}/chat`);
  await page.getByRole("textbox", { name: "Ask about your documents" }).waitFor();
  // The answer to the question arrives cut off after its first events; the rest has to come from the run's own stream.
  let resumedAfter = null;
  await page.route("**/api/v1/chat", async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({ response, body: text.slice(0, text.indexOf("\n\n", text.indexOf("STATE_SNAPSHOT")) + 2) });
  });
  page.on("request", (request) => {
    if (/\/runs\/run_[0-9a-f]+\/events/.test(request.url())) resumedAfter = request.headers()["last-event-id"] ?? "";
  });
  await ask(page, QUESTION);
  await answered(page);
  assert.match(resumedAfter ?? "", /^\d+$/, "the stream was resumed after the last event seen");
  assert.equal(await page.getByTestId("answer").getAttribute("data-status"), "complete");
  assert.ok((await page.locator("[data-citation]").count()) > 0);
  await close();
});

test("a question that is refused comes back into the composer, with the reason", async () => {
  const { page, close } = await open({ user: operator, allow: [/status of 429/] });
  await page.goto(`${BASE}/chat`);
  await page.route("**/api/v1/chat", (route) =>
    route.fulfill({
      status: 429,
      contentType: "application/problem+json",
      body: JSON.stringify({ type: "urn:millwright:error:rate_limited", title: "Too many requests", status: 429, code: "rate_limited", detail: "at most 60 requests a minute", trace_id: "0".repeat(32), remedy: "wait 20 seconds" }),
    }),
  );
  await ask(page, "How tight?");
  const problem = page.getByTestId("problem");
  await problem.waitFor();
  assert.match(await problem.innerText(), /Too many requests[\s\S]*At most 60 requests a minute\.[\s\S]*Wait 20 seconds\.[\s\S]*rate_limited/);
  assert.equal(await page.getByRole("textbox", { name: "Ask about your documents" }).inputValue(), "How tight?");
  await close();
});

test("a conversation is renamed, found and deleted; on a phone the list is a drawer", async () => {
  await forgetConversations(operator);
  const { page, check, close } = await open({ user: operator, viewport: NARROW });
  await page.goto(`${BASE}/chat`);
  await ask(page, QUESTION);
  await answered(page);
  await page.getByRole("button", { name: "Conversation actions" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Renamed by a test");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Renamed by a test" }).waitFor();

  await page.getByRole("button", { name: "Show conversations" }).click();
  await page.getByRole("textbox", { name: "Find a conversation" }).fill("renamed by");
  await page.getByRole("link", { name: "Renamed by a test" }).click();
  await page.getByRole("button", { name: "Conversation actions" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "New conversation" }).waitFor();
  assert.equal((await (await api(operator, "/conversations")).json()).items.length, 0);
  check();
  await close();
});
