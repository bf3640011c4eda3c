// Usage, budgets and models with models that answer: a server of its own, from the binary that MILLWRIGHT_E2E_BINARY names.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { writeModels } from "./lib/models-file.mjs";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";
import { startSlowModel } from "./lib/slow-model.mjs";

const WORD_MS = 10;
const QUESTION = "What has to be done before the pump is opened?";

describe("with models connected", { skip }, () => {
  let harness, pages, people, model, server;

  before(async () => {
    model = await startSlowModel(WORD_MS);
    const folder = newFolder();
    server = await startServer(folder, await freePort(), { MODELS_FILE: writeModels(folder, model.url) });
    ({ harness } = server);
    // They read the address of the server when they are loaded.
    pages = await import("./lib/model-pages.mjs");
    people = await import("./lib/people.mjs");
    const operator = harness.person("operator");
    for (const { name } of (await (await harness.api(operator, "/documents")).json()).items) await harness.documentReady(operator, name);
  });
  after(async () => {
    await harness?.closeBrowser();
    await server?.stop();
    model?.close();
  });

  test("an answer tells which model wrote it, why, and what was tried before", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    await pages.openAnswer(page, QUESTION);
    const route = page.getByTestId("route");
    assert.equal(await route.getAttribute("data-reason"), "tier_asked");
    assert.match(await route.innerText(), /Answered by large at hall-2/);
    assert.match(await page.getByTestId("failed-attempts").innerText(), /large at gone/);
    assert.match(await page.getByTestId("answer-facts").innerText(), /large · Standard/);
    await page.locator("summary").getByText("Every model").click();
    assert.equal(await page.locator('[data-testid=candidate][data-fate="label_denied"]').getByText("frontier").count(), 1);

    await page.getByRole("combobox", { name: "Model tier" }).selectOption("AUTO");
    await harness.ask(page, "How much oil does it hold?");
    await harness.answered(page);
    await page.getByTestId("steps").last().click();
    await page.getByTestId("judgement").waitFor();
    assert.equal(await page.getByTestId("route").last().getAttribute("data-reason"), "complexity");

    // The same after a new visit, read from what was stored.
    await page.reload();
    await page.getByTestId("steps").first().click();
    assert.match(await page.getByTestId("route").first().innerText(), /Answered by large at hall-2[\s\S]*tokens in/);
    check();
    await close();
  });

  test("a question that waits for a model tells its place in the line", async () => {
    const [first, second] = await Promise.all([harness.open({ user: harness.person("operator") }), harness.open({ user: harness.person("viewer") })]);
    for (const { page } of [first, second]) {
      await page.goto(`${harness.BASE}/chat`);
      await page.getByRole("combobox", { name: "Model tier" }).selectOption("LIGHT");
    }
    model.hold();
    await harness.ask(first.page, QUESTION);
    await model.held();
    await harness.ask(second.page, QUESTION);
    await second.page.getByTestId("steps").getByText(/^Waiting for a model: place 1, about \d+ s$/).waitFor();
    model.release();
    await Promise.all([harness.answered(first.page), harness.answered(second.page)]);
    assert.equal(await second.page.getByTestId("answer").getAttribute("data-status"), "complete");
    first.check();
    second.check();
    await first.close();
    await second.close();
  });

  test("usage is taken apart, sorted, followed to a run and exported", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("operator") });
    await page.goto(`${harness.BASE}/usage`);
    const rows = page.getByTestId("usage-row");
    await rows.filter({ hasText: "large" }).waitFor();
    assert.match(await page.getByTestId("tiles").innerText(), /Cost\s+€0\.0/);
    await page.getByRole("radio", { name: "Today" }).check();
    assert.match(page.url(), /period=today/);

    // Sorted with the keyboard, and the order is in the address.
    await page.getByRole("button", { name: "Calls" }).focus();
    await page.keyboard.press("Enter");
    await page.locator('th[aria-sort="descending"]').getByText("Calls").waitFor();
    assert.match(page.url(), /sort=calls/);

    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const file = readFileSync(await (await saved).path(), "utf8");
    assert.match(file, /^id,occurred_at,[\s\S]*,large,hall-2,/);

    await page.getByRole("combobox", { name: "Group by" }).selectOption("run");
    await rows.getByRole("link").first().click();
    await page.getByTestId("route").waitFor();
    assert.match(page.url(), /\/runs\/run_[0-9a-f]{32}$/);

    const exported = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export evidence" }).click();
    const evidence = await exported;
    assert.match(evidence.suggestedFilename(), /^run_[0-9a-f]{32}\.bundle\.json$/);
    assert.equal(JSON.parse(readFileSync(await evidence.path(), "utf8")).format, "millwright.run-bundle/1");
    await page.getByTestId("evidence").getByText("millwright run verify").waitFor();
    await page.getByRole("link", { name: "Open its conversation" }).click();
    await page.getByTestId("answer").first().waitFor();
    check();
    await close();
  });

  test("people see their own usage, and an administrator that of all", async () => {
    const seen = async (role) => {
      const { page, check, close } = await harness.open({ user: harness.person(role) });
      await page.goto(`${harness.BASE}/usage?group=user`);
      await page.getByTestId("usage-row").first().waitFor();
      const names = await page.getByTestId("usage-row").getByRole("rowheader").allInnerTexts();
      check();
      await close();
      return names.length;
    };
    assert.equal(await seen("viewer"), 1);
    assert.ok((await seen("admin")) > 1);
  });

  test("a budget is made for one person, refuses them when it is used up, and is taken away again", async () => {
    const user = await people.hire("operator");
    const admin = await harness.open({ user: harness.person("admin") });
    const { page } = admin;
    await page.goto(`${harness.BASE}/admin/budgets`);
    await page.getByRole("button", { name: "Create budget" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Trial");
    await dialog.getByLabel("For").selectOption("user");
    await dialog.getByRole("radio", { name: "One person" }).check();
    await dialog.getByLabel("Counts").selectOption("tokens");
    await dialog.getByLabel("Limit in tokens").fill("1");
    await dialog.getByRole("button", { name: "Create budget" }).click();
    await dialog.getByText("Choose whom the budget is for.").waitFor();
    await dialog.getByRole("textbox", { name: "Find a person" }).fill(user.email);
    await dialog.getByLabel("Person", { exact: true }).selectOption(user.id);
    await dialog.getByRole("button", { name: "Create budget" }).click();
    const row = page.getByTestId("budget-row").filter({ hasText: "Trial" });
    await row.waitFor();
    assert.match(await row.innerText(), /0 tokens of 1 tokens/);

    const asking = await harness.open({ user, allow: [/status of 429/] });
    await asking.page.goto(`${harness.BASE}/chat`);
    await harness.ask(asking.page, QUESTION);
    const problem = asking.page.getByTestId("problem").first();
    await problem.waitFor();
    assert.equal(await problem.getAttribute("data-code"), "budget_exceeded");
    assert.match(await problem.innerText(), /Trial[\s\S]*Who can allow it/);
    asking.check();
    await asking.close();

    // Another limit, with the keyboard alone.
    await row.getByRole("button", { name: "Edit Trial" }).focus();
    await page.keyboard.press("Enter");
    await dialog.getByLabel("Limit in tokens").fill("500000");
    await page.keyboard.press("Enter");
    await row.getByText("0 tokens of 500,000 tokens").last().waitFor();
    await row.getByRole("button", { name: "Delete Trial" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    admin.check();
    await admin.close();
  });

  test("thresholds are moved with the keyboard, decide on a prompt, and do not overwrite what somebody else saved", async () => {
    const { page, check, close } = await harness.open({ user: harness.person("admin"), allow: [/status of 412/] });
    await page.goto(`${harness.BASE}/admin/models`);
    await page.locator('[data-testid=endpoint-row][data-health="up"]').filter({ hasText: "hall-2" }).waitFor();
    assert.match(await page.getByTestId("endpoint-row").filter({ hasText: "cloud" }).innerText(), /leave/);
    await page.getByRole("textbox", { name: "Prompt" }).fill("What is a valve?");
    const estimate = page.getByTestId("estimate");
    await page.getByRole("button", { name: "Estimate" }).click();
    await estimate.waitFor();
    assert.equal(await estimate.getAttribute("data-tier"), "LIGHT");

    await page.getByRole("slider", { name: "Light below" }).press("Home");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Estimate" }).click();
    await page.locator('[data-testid=estimate][data-tier="STANDARD"]').waitFor();

    const settings = await (await harness.api(harness.person("admin"), "/policy/settings")).json();
    assert.equal(settings.routing.light_below, 0);
    const { personal_data, injection, version } = settings;
    await harness.apiJson(harness.person("admin"), "PUT", "/policy/settings", { personal_data, injection, version, routing: { light_below: 0.35, heavy_from: 0.75, explicit_tier: true } });
    await page.getByLabel("Heavy from").last().fill("0.5");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByTestId("stale").getByRole("button").click();
    await page.getByTestId("stale").waitFor({ state: "detached" });
    assert.equal(await page.getByRole("spinbutton", { name: "Heavy from" }).inputValue(), "0.75");
    check();
    await close();
  });

  test("where nobody may name a tier, none is offered", async () => {
    const admin = harness.person("admin");
    const explicit = async (explicit_tier) => {
      const { personal_data, injection, version, routing } = await (await harness.api(admin, "/policy/settings")).json();
      await harness.apiJson(admin, "PUT", "/policy/settings", { personal_data, injection, version, routing: { ...routing, explicit_tier } });
    };
    await explicit(false);
    const { page, check, close } = await harness.open({ user: harness.person("viewer") });
    const asked = page.waitForResponse((response) => response.url().endsWith("/chat/tiers"));
    await page.goto(`${harness.BASE}/chat`);
    await asked;
    await page.getByRole("textbox", { name: "Ask about your documents" }).waitFor();
    assert.equal(await page.getByRole("combobox", { name: "Model tier" }).count(), 0);
    await explicit(true);
    await page.reload();
    await page.getByRole("combobox", { name: "Model tier" }).waitFor();
    check();
    await close();
  });

  test("axe finds nothing and nothing overflows, in both themes and widths", async () => {
    for (const theme of ["light", "dark"]) {
      for (const viewport of [harness.WIDE, harness.NARROW]) {
        const { page, check, close } = await harness.open({ user: harness.person("admin"), viewport, theme });
        for (const { name, go } of pages.filledPages(QUESTION)) {
          await go(page);
          const where = `${name}, ${theme}, ${viewport.width} px`;
          await harness.checkAccessibility(page, where);
          await harness.checkNoOverflow(page, where);
        }
        check();
        await close();
      }
    }
  });
});
