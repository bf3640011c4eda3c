// Agents: a definition is looked over, stored, compared, tried and activated; an answer says who gave it and why.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, NARROW, answered, apiJson, ask, checkAccessibility, checkNoOverflow, closeBrowser, open, person } from "./lib/harness.mjs";
import { samplesReady } from "./lib/goals.mjs";

after(closeBrowser);

const NAME = `fitter-${Date.now()}`;
const DEFINITION = `name: ${NAME}
title: { en: Night fitter, de: Nachtschlosser }
purpose: { en: Repairs at night., de: Reparaturen in der Nacht. }
prompt: Say the torque first.
tools: [date]
words: [night shift]
`;

test("an agent is written, stored, compared, tried, activated and taken out of service", async () => {
  await samplesReady(person("admin"));
  const { page, check, close } = await open({ user: person("admin") });
  await page.goto(`${BASE}/admin/agents`);
  await page.getByTestId("agent-row").nth(3).waitFor();
  await page.getByRole("link", { name: "New agent" }).click();
  const editor = page.getByTestId("agent-editor");
  await editor.fill(DEFINITION.replace("tools: [date]", "tools: [date, delete_document]\nverify: false"));
  const error = page.locator("[data-testid=agent-finding][data-severity=error]").first();
  await error.waitFor();
  assert.match(await error.innerText(), /verify/);
  await error.getByRole("button", { name: "Line 6" }).click();
  assert.ok(await page.getByRole("button", { name: "Store as a version" }).isDisabled(), "what has errors is not stored");
  await editor.fill(DEFINITION);
  await page.getByTestId("agent-clean").waitFor();
  await checkAccessibility(page, "agent-editor");

  await page.getByRole("button", { name: "Store as a version" }).click();
  await page.getByLabel("What it is for").fill("For the night shift");
  await page.getByRole("dialog").getByRole("button", { name: "Store as a version" }).click();
  await page.waitForURL(new RegExp(`${NAME}\\?tab=versions&version=1`));
  await page.getByTestId("file-diff").locator("[data-kind=added]").first().waitFor();

  await page.getByRole("tab", { name: "Try" }).click();
  await page.getByTestId("try-question").fill("How often must the bearings be relubricated?");
  await page.getByRole("button", { name: "Ask" }).click();
  const answer = page.locator("[data-testid=try-answer][data-end=finished]");
  await answer.waitFor();
  await answer.getByRole("button", { name: "Answered by Night fitter" }).click();
  await page.getByText("You tried version 1 of it.").waitFor();
  await checkAccessibility(page, "agent-try");
  await answer.locator("[data-citation]").first().click();
  await page.getByRole("dialog", { name: "Source" }).getByRole("button", { name: "Close source" }).click();
  await page.getByRole("dialog", { name: "Source" }).waitFor({ state: "detached" });
  await answer.getByRole("link", { name: "To the steps of the run" }).click();
  await page.waitForURL(/\/runs\/run_/);
  await page.locator(`[data-testid=answered-by][data-agent=${NAME}][data-by=tried]`).waitFor();
  await page.goBack();

  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("button", { name: "Activate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Activate" }).click();
  await page.getByText("This version is in force.").waitFor();
  await page.getByTestId("agent-row").filter({ hasText: NAME }).getByText("version 1").waitFor();

  // What is being written stays while another tab is looked at, and a version is gone on from.
  await page.getByRole("tab", { name: "Definition" }).click();
  await editor.fill(DEFINITION.replace("the torque", "the danger"));
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("tab", { name: "Definition" }).click();
  assert.match(await editor.inputValue(), /Say the danger first/);
  await page.getByRole("button", { name: "Store as a version" }).click();
  await page.getByLabel("What it is for").fill("Danger first");
  await page.getByRole("dialog").getByRole("button", { name: "Store as a version" }).click();
  await page.waitForURL(/tab=versions&version=2/);
  await page.getByRole("button", { name: "Go on from this version" }).click();
  await page.getByRole("tab", { name: "Definition", selected: true }).waitFor();
  assert.match(await editor.inputValue(), /Say the danger first/);
  assert.equal(await editor.evaluate((element) => element === document.activeElement), true, "it is gone on with at once");
  await page.getByRole("button", { name: "Discard changes" }).click();
  assert.match(await editor.inputValue(), /Say the torque first/);

  await page.goto(`${BASE}/chat`);
  await page.getByRole("combobox", { name: "Agent" }).selectOption({ label: "Night fitter" });
  await ask(page, "How often must the bearings be relubricated?");
  await answered(page);
  await page.locator(`[data-testid=answered-by][data-agent=${NAME}][data-by=named]`).waitFor();

  await page.goto(`${BASE}/admin/agents/${NAME}`);
  await page.getByRole("button", { name: "Take out of service" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take out of service" }).click();
  await page.getByRole("button", { name: "Put into service" }).waitFor();
  const refused = await apiJson(person("admin"), "POST", "/chat", { message: "Who?", agent: NAME, stream: false });
  assert.equal(refused.status, 404);
  check();
  await close();
});

test("an answer says who gave it and why, also on another visit", async () => {
  const { page, check, close } = await open({ user: person("viewer"), viewport: NARROW, theme: "dark" });
  await page.goto(`${BASE}/chat`);
  await ask(page, "How often must the bearings be relubricated?");
  await answered(page);
  const by = page.locator("[data-testid=answered-by][data-agent=maintenance-advisor]");
  await by.waitFor();
  await page.reload();
  await by.getByRole("button").click();
  assert.match(await page.getByTestId("why-agent").innerText(), /nearest to what it is for[\s\S]*How often must the bearings of the pump be greased\?[\s\S]*how often, bearing/);
  await checkAccessibility(page, "why-agent");
  await checkNoOverflow(page, "why-agent");
  check();
  await close();
});

test("an auditor sees agents and changes none", async () => {
  const { page, check, close } = await open({ user: person("auditor"), viewport: NARROW });
  await page.goto(`${BASE}/admin/agents`);
  await page.getByTestId("agent-row").filter({ hasText: "maintenance-advisor" }).getByRole("link").click();
  await page.getByText("Your role may look but not change.").waitFor();
  assert.equal(await page.getByRole("link", { name: "New agent" }).count(), 0);
  assert.equal(await page.getByRole("tab", { name: "Try" }).count(), 0);
  assert.ok(!(await page.getByTestId("agent-editor").isEditable()));
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByText("This version is in force.").waitFor();
  await checkAccessibility(page, "agent-versions");
  await checkNoOverflow(page, "agent-versions");
  check();
  await close();
});
