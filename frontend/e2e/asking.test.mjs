// Agents that ask whoever they answer. It needs a language model, so these tests start a Millwright of their own, from the binary that
// MILLWRIGHT_E2E_BINARY names.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";
import { startSlowModel } from "./lib/slow-model.mjs";

const QUESTION = "Ask me first: what has to be done before the pump is opened?";

let harness, model, server;

describe("a question of the agent's", { skip }, () => {
  before(async () => {
    model = await startSlowModel(5);
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

  async function asked(page) {
    await page.goto(`${harness.BASE}/chat`);
    await harness.ask(page, QUESTION);
    const card = page.getByTestId("question-card");
    await card.getByText("Which pump do you mean?").waitFor();
    return card;
  }

  test("it waits through a restart and a new visit, and the answer goes on with what was chosen", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator"), allow: [/ERR_|Failed to fetch|status of 50/] });
    await asked(page);
    await harness.checkAccessibility(page, "a question of the agent's");
    await server.restart();
    await page.reload();
    const card = page.getByTestId("question-card");
    await card.getByRole("button", { name: "P-101" }).click();
    await harness.answered(page);
    assert.equal(await card.count(), 0);
    assert.equal(await page.getByTestId("answer").getAttribute("data-status"), "complete");
    for (const again of [false, true]) {
      if (again) await page.reload();
      await page.getByTestId("steps").last().click();
      await page.getByText("You answered: P-101").waitFor();
    }
    check();
    await close();
  });

  test("another answer can be written on a phone in the dark, and it can be stopped instead", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator"), viewport: { width: 390, height: 844 }, theme: "dark" });
    let card = await asked(page);
    await harness.checkAccessibility(page, "a question on a phone");
    await harness.checkNoOverflow(page, "a question on a phone");
    await card.getByRole("textbox", { name: "Another answer" }).fill("The one in hall 2");
    await card.getByRole("button", { name: "Answer", exact: true }).click();
    await harness.answered(page);
    card = await asked(page);
    await page.getByTestId("stop").click();
    await page.locator('[data-testid=answer][data-status="stopped"]').waitFor();
    assert.equal(await card.count(), 0);
    check();
    await close();
  });
});
