// Goals whose plan a language model writes. It needs a slow one, so these tests start a Millwright of their own, from the binary that
// MILLWRIGHT_E2E_BINARY names.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";
import { startSlowModel } from "./lib/slow-model.mjs";

const WORD_MS = 30;

let goals, harness, model, server;

describe("with a language model that plans", { skip }, () => {
  before(async () => {
    model = await startSlowModel(WORD_MS);
    server = await startServer(newFolder(), await freePort(), { LLM_BASE_URL: model.url, LLM_MODEL_STANDARD: "slow" });
    ({ harness } = server);
    goals = await import("./lib/goals.mjs");
    await goals.samplesReady(harness.person("operator"));
  });
  after(async () => {
    await harness?.closeBrowser();
    await server?.stop();
    model?.close();
  });

  async function begin(page) {
    await page.goto(`${harness.BASE}/goals/new`);
    await page.getByRole("textbox", { name: "What do you want to have done?" }).fill(goals.GOAL);
    await page.getByRole("radio", { name: "Let a model write it", checked: true }).waitFor();
    await page.getByRole("button", { name: "Begin", exact: true }).click();
    await page.waitForURL(/\/goals\/gol_/);
    return page.url().match(/gol_[0-9a-f]{32}/)[0];
  }

  const status = (page, value) => page.locator(`[data-testid="goal-status"][data-status="${value}"]`).waitFor();

  test("the plan is written, looked over, approved and carried out", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    model.hold();
    await begin(page);
    await status(page, "planning");
    await page.getByText("A language model writes the plan.", { exact: false }).waitFor();
    await model.held();
    model.release();
    await status(page, "proposed");
    await page.getByText("Version 1 · written by slow").waitFor();
    assert.deepEqual(await page.locator("[data-step]").evaluateAll((steps) => steps.map((step) => step.dataset.step)), ["torque", "opening", "report"]);
    await page.getByRole("button", { name: "Approve and begin" }).click();
    await page.locator("[data-step=torque][data-status=running]").waitFor();
    await page.locator("[data-step=torque][data-status=done]").waitFor();
    await page.locator("[data-step=opening]").click();
    await page.locator("[data-step=opening][data-status=done]").waitFor();
    await page.getByTestId("step-answer").locator("[data-citation]").first().waitFor();
    await status(page, "finished");
    await page.getByTestId("report").locator("[data-citation]").first().waitFor();
    assert.match(await page.getByTestId("goal-facts").innerText(), /Model calls\n[4-9]/);
    check();
    await close();
  });

  test("Stop ends what is under way", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    const id = await begin(page);
    await status(page, "proposed");
    model.hold();
    await page.getByRole("button", { name: "Approve and begin" }).click();
    await model.held();
    await page.locator("[data-step=torque][data-status=running]").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await status(page, "cancelled");
    model.release();
    await page.locator("[data-step=torque][data-status=stopped]").waitFor();
    assert.deepEqual((await goals.readGoal(harness.person("operator"), id)).steps.map((step) => step.status), ["stopped", "stopped", "stopped"]);
    check();
    await close();
  });
});
