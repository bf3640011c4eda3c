// Questions that voices think through. It needs a language model, so these tests start a Millwright of their own, from the binary that
// MILLWRIGHT_E2E_BINARY names.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";
import { startSlowModel } from "./lib/slow-model.mjs";

const WORD_MS = 5;
const QUESTION = "What has to be done before the pump is opened?";

let harness, model, server;

describe("thinking a question through", { skip }, () => {
  before(async () => {
    model = await startSlowModel(WORD_MS);
    server = await startServer(newFolder(), await freePort(), { LLM_BASE_URL: model.url, LLM_MODEL_STANDARD: "slow" });
    ({ harness } = server);
    for (const { name } of (await (await harness.api(harness.person("operator"), "/documents")).json()).items) {
      await harness.documentReady(harness.person("operator"), name);
    }
  });
  after(async () => {
    await harness?.closeBrowser();
    await server?.stop();
    model?.close();
  });

  const said = (page, turn) => page.getByRole("region", { name: new RegExp(`turn ${turn} of`) }).locator('[data-testid="voice"]');

  async function askThought(page, way) {
    await page.goto(`${harness.BASE}/chat`);
    await page.getByRole("combobox", { name: "Thinking" }).selectOption(way);
    await harness.ask(page, QUESTION);
  }

  test("a council is heard as it speaks, and is the same after the answer and on the run's page", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    await page.goto(`${harness.BASE}/chat`);
    await page.getByRole("combobox", { name: "Thinking" }).locator("option", { hasText: "Council: up to 15 more calls" }).waitFor({ state: "attached" });
    model.hold();
    await askThought(page, "council");
    await model.held();
    await page.getByText("Thinking it through: 0 of 5 heard, turn 1 of 3").waitFor();
    await page.getByTestId("steps").last().click();
    await page.getByRole("region", { name: "Council, turn 1 of 3" }).locator("[aria-busy=true]").first().waitFor();
    model.release();
    await harness.answered(page);
    assert.equal(await page.getByTestId("answer").getAttribute("data-status"), "complete");
    for (const [turn, voices] of [[1, 5], [2, 5], [3, 1]]) assert.equal(await said(page, turn).count(), voices, `turn ${turn}`);
    const chair = said(page, 3);
    await chair.locator("[data-supported=true]").getByText("Agreed:").waitFor();
    await chair.locator("[data-supported=false]").getByText("no passage says it").waitFor();
    const live = await page.getByTestId("debate").allInnerTexts();
    await harness.checkAccessibility(page, "a discussion in the chat");
    await page.reload();
    await page.getByTestId("steps").last().click();
    await said(page, 3).first().waitFor();
    assert.deepEqual(await page.getByTestId("debate").allInnerTexts(), live);
    const id = page.url().match(/cnv_[0-9a-f]{32}/)[0];
    const stored = (await (await harness.api(harness.person("operator"), `/conversations/${id}`)).json()).messages.at(-1);
    await page.goto(`${harness.BASE}/runs/${stored.run_id}`);
    await said(page, 3).first().waitFor();
    check();
    await close();
  });

  test("what a red team found is ranked, and reads well on a phone and in the dark", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator"), viewport: { width: 390, height: 844 }, theme: "dark" });
    await askThought(page, "red_team");
    await harness.answered(page);
    await page.getByTestId("steps").last().click();
    const findings = page.getByTestId("findings").getByRole("listitem");
    await findings.first().waitFor();
    assert.equal(await findings.count(), 2, "eight attackers found the same two");
    assert.match(await findings.first().innerText(), /How bad: 4 of 5/);
    await harness.checkAccessibility(page, "findings");
    await harness.checkNoOverflow(page, "findings");
    check();
    await close();
  });
});
