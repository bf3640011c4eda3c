// What can only be seen while an answer is being written. It needs a model that is slower than the built-in one, so these tests start
// a Millwright of their own, from the binary that MILLWRIGHT_E2E_BINARY names.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";
import { startSlowModel } from "./lib/slow-model.mjs";

const WORD_MS = 60;
const QUESTION = "What has to be done before the pump is opened?";

let harness, model, server;

describe("while an answer is written", { skip }, () => {
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

  const answerText = (page) => page.getByTestId("answer").last().locator(".answer").innerText();

  async function askAndWaitForText(page) {
    await page.goto(`${harness.BASE}/chat`);
    await harness.ask(page, QUESTION);
    await page.locator('[data-testid="answer"][data-status="streaming"] [data-citation]').first().waitFor();
  }

  test("Stop ends it, and what was written stays", async () => {
    const user = harness.person("operator");
    const { page, check, close } = await harness.open({ user });
    await askAndWaitForText(page);
    await page.getByTestId("stop").click();
    await harness.answered(page);
    assert.equal(await page.getByTestId("answer").getAttribute("data-status"), "stopped");
    await page.getByText("What was written so far stays.").waitFor();
    assert.ok((await answerText(page)).length > 20);
    const id = page.url().match(/cnv_[0-9a-f]{32}/)[0];
    const stored = (await (await harness.api(user, `/conversations/${id}`)).json()).messages.at(-1);
    assert.equal(stored.status, "stopped");
    check();
    await close();
  });

  test("leaving and coming back in the middle shows it go on to its end", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    await askAndWaitForText(page);
    await page.reload();
    await page.locator('[data-testid="answer"][data-status="streaming"]').waitFor();
    await harness.answered(page);
    assert.equal(await page.getByTestId("answer").getAttribute("data-status"), "complete");
    check();
    await close();
  });

  test("a restart of the server in the middle is waited out, and the answer goes on and says nothing twice", async () => {
    const user = harness.person("operator");
    // While the server is away the browser says so in its console.
    const { page, check, close } = await harness.open({ user, allow: [/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|status of 503/] });
    await askAndWaitForText(page);
    await server.restart();
    await page.locator('[data-testid="answer"][data-status="complete"]').waitFor({ timeout: 60_000 });
    const sentences = (await answerText(page)).split(/(?<=\.)\s+/).map((sentence) => sentence.replace(/\d+\s*/g, "").trim());
    assert.ok(sentences.length > 1, sentences.join("\n"));
    assert.deepEqual(sentences, [...new Set(sentences)]);
    const id = page.url().match(/cnv_[0-9a-f]{32}/)[0];
    const stored = (await (await harness.api(user, `/conversations/${id}`)).json()).messages.at(-1);
    assert.equal(stored.status, "complete");
    await page.goto(`${harness.BASE}/runs/${stored.run_id}`);
    await page.getByText("interrupted by a restart, and done again").waitFor();
    check();
    await close();
  });

  test("another page can be looked at meanwhile, and nothing jumps", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    await askAndWaitForText(page);
    await page.evaluate(() => {
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
      }).observe({ type: "layout-shift" });
    });
    await harness.answered(page);
    const shifts = await page.evaluate(() => window.shifts);
    assert.ok(shifts < 0.01, `layout shifted by ${shifts} while the answer was written`);

    await page.getByTestId("answer").hover();
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.locator('[data-testid="answer"][data-status="streaming"]').waitFor();
    await page.getByRole("link", { name: "Documents" }).click();
    await page.getByTestId("document-row").first().waitFor();
    await page.goBack();
    await harness.answered(page);
    await page.getByText("2 of 2").waitFor();
    assert.equal(await page.getByTestId("answer").getAttribute("data-status"), "complete");
    check();
    await close();
  });
});
