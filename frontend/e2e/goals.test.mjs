import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GOAL, NAMED, PLAN, decide, goalIs, hasEnded, makeGoal, readGoal, samplesReady, waits } from "./lib/goals.mjs";
import { BASE, NARROW, apiJson, closeBrowser, open, person } from "./lib/harness.mjs";
import { hire } from "./lib/people.mjs";

const operator = person("operator");

before(() => samplesReady(operator));
after(closeBrowser);

/** Waits until a step of the diagram is in this state. */
async function stepIs(page, name, status) {
  await page.locator(`[data-step="${name}"][data-status="${status}"]`).waitFor();
}

async function goalStatus(page, status) {
  await page.locator(`[data-testid="goal-status"][data-status="${status}"]`).waitFor();
}

const idOf = (page) => page.url().match(/gol_[0-9a-f]{32}/)[0];

test("a goal with one's own plan asks, waits for a yes, and ends in a report whose citations open", async () => {
  const { page, check, close } = await open({ user: await hire("operator") });
  await page.goto(`${BASE}/goals`);
  await page.getByText("No goal yet").waitFor();
  await page.getByRole("button", { name: "Begin a goal" }).click();
  await page.waitForURL(/\/goals\/new$/);
  await page.getByText("Write at least one step.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Begin", exact: true }).isDisabled(), true, "an example is no plan of one's own");
  await page.getByRole("textbox", { name: "Plan as YAML" }).fill(PLAN);
  await page.getByText("4 steps and the report").waitFor();
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await page.getByText("Say first what you want to have done").waitFor();
  const wanted = page.getByRole("textbox", { name: "What do you want to have done?" });
  assert.equal(await wanted.evaluate((element) => element === document.activeElement), true);
  await wanted.fill(GOAL);
  assert.deepEqual(await page.getByTestId("plan-diagram").getByRole("listitem").evaluateAll((items) => items.map((item) => item.querySelector(".font-mono").textContent)), ["torque", "lockout", "ready", "record", "report"]);
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await page.waitForURL(/\/goals\/gol_[0-9a-f]{32}/);

  // The questions are answered by themselves, and then it waits.
  const gate = page.getByTestId("gate");
  await gate.getByText("Is this what the work order needs?").waitFor();
  await stepIs(page, "torque", "done");
  await stepIs(page, "lockout", "done");
  await stepIs(page, "record", "pending");
  assert.match(await page.getByTestId("goal-status").innerText(), /Waits for you/);
  await gate.getByRole("button", { name: "torque" }).click();
  const details = page.getByTestId("step-details");
  assert.match(await details.getByTestId("step-answer").innerText(), /49 Nm/);
  assert.deepEqual(await details.getByTestId("checks").locator("li").evaluateAll((items) => items.map((item) => item.dataset.state)), ["met", "met"]);

  await gate.getByRole("textbox", { name: "Note (optional)" }).fill("Agreed with the shift lead.");
  await gate.getByRole("button", { name: "Yes, go on" }).click();
  await gate.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Plan", "the focus is not lost with the gate");
  await goalStatus(page, "finished");
  assert.match(await page.getByTestId("goal-news").textContent(), /Finished/, "a screen reader is told");
  assert.match(await page.getByTestId("goal-facts").innerText(), /Runs\n4 of 60/);

  const report = page.getByTestId("report");
  await report.locator("[data-citation]").first().click();
  await page.locator(".textLayer mark, [data-testid=text-page] mark").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("complementary", { name: "Source" }).waitFor({ state: "detached" });

  await page.locator("[data-step=ready]").click();
  await page.getByTestId("decision").getByText("Agreed with the shift lead.").waitFor();
  await page.locator("[data-step=record]").click();
  await page.getByRole("link", { name: "How it came about" }).click();
  await page.getByRole("heading", { name: "Run", exact: true }).waitFor();
  await page.goBack();
  await page.getByRole("region", { name: "Step record" }).waitFor();

  await page.getByRole("link", { name: "All goals" }).click();
  await page.getByTestId("goal-row").filter({ hasText: "5 of 5 done" }).waitFor();
  check();
  await close();
});

test("what is wrong with a plan is told at its line, and is no plan to begin with", async () => {
  const { page, close } = await open({ user: operator, allow: [/status of 422/] });
  await page.goto(`${BASE}/goals/new`);
  const editor = page.getByRole("textbox", { name: "Plan as YAML" });
  await page.getByRole("button", { name: "Insert an example" }).click();
  await page.getByTestId("plan-sound").waitFor();
  assert.equal(await page.getByRole("button", { name: "Insert an example" }).count(), 0);
  await editor.fill("steps:\n  - ask: a\n  - ask: b\n    rounds: 9\n    name: often\n");
  await page.getByTestId("plan-wrong").getByText("rounds is 1 to 5").waitFor();
  assert.equal(await page.getByRole("button", { name: "Begin", exact: true }).isDisabled(), true);
  assert.equal(await editor.getAttribute("aria-invalid"), "true");
  await page.getByText("What it came to before the mistake").waitFor();
  await page.getByRole("button", { name: "Go to line 5" }).click();
  assert.equal(await editor.evaluate((element) => element.value.slice(element.selectionStart, element.selectionEnd)), "    name: often");
  await editor.fill("steps:\n  - aks: a\n");
  await page.getByRole("button", { name: "Go to line 2" }).waitFor();
  await editor.fill("steps:\n  - ask: a\n");
  await page.getByText("1 step and the report").waitFor();
  assert.equal(await page.getByRole("button", { name: "Begin", exact: true }).isDisabled(), false);
  await close();
});

test("without a language model a plan is written by oneself", async () => {
  const { page, close } = await open({ user: operator, allow: [/status of 409/] });
  await page.goto(`${BASE}/goals/new`);
  await page.getByText("No language model is set up here.").waitFor();
  assert.equal(await page.getByRole("radio", { name: "Let a model write it" }).isDisabled(), true);

  // One that is gone by the time that it is needed.
  await page.route("**/v1/models", (route) => route.fulfill({ json: { object: "list", data: [{ id: "millwright-auto" }] } }));
  await page.goto(`${BASE}/goals/new`);
  await page.getByRole("textbox", { name: "What do you want to have done?" }).fill(GOAL);
  await page.getByRole("radio", { name: "Let a model write it" }).check();
  assert.equal(await page.getByRole("checkbox", { name: "Let me review the plan before it begins" }).isChecked(), true);
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await page.getByTestId("problem").getByText("A model is needed to write a plan").waitFor();
  await page.getByTestId("plan-editor").waitFor();
  assert.equal(await page.getByRole("textbox", { name: "What do you want to have done?" }).inputValue(), GOAL, "nothing typed is lost");
  await close();
});

test("limits are held to before they are sent, and shown against what was used", async () => {
  const { page, check, close } = await open({ user: operator });
  await page.goto(`${BASE}/goals/new`);
  await page.getByRole("textbox", { name: "What do you want to have done?" }).fill(GOAL);
  await page.getByRole("textbox", { name: "Plan as YAML" }).fill(PLAN);
  await page.locator("summary").getByText("More").click();
  const runs = page.getByRole("spinbutton", { name: "Runs of steps" });
  await runs.fill("9000");
  await page.getByText("From 1 to 500").waitFor();
  await page.locator("summary").getByText("More").click();
  await runs.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await runs.waitFor();
  assert.equal(await runs.evaluate((element) => element === document.activeElement), true, "what is wrong is unfolded");
  await runs.fill("2");
  await page.getByRole("spinbutton", { name: "Time, minutes" }).fill("90");
  await page.getByRole("radio", { name: "Public" }).check();
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await page.waitForURL(/\/goals\/gol_/);
  await page.getByTestId("gate").getByRole("button", { name: "Yes, go on" }).click();
  await goalStatus(page, "failed");
  await page.getByTestId("problem").getByText("A limit was reached").waitFor();
  assert.match(await page.getByTestId("goal-facts").innerText(), /Runs\n2 of 2/);
  await stepIs(page, "report", "stopped");
  assert.equal((await readGoal(operator, idOf(page))).limits.seconds, 5400);
  check();
  await close();
});

test("a no at a gate ends what comes after it, and says so", async () => {
  const { page, check, close } = await open({ user: operator });
  const { id } = await makeGoal(operator);
  await page.goto(`${BASE}/goals/${id}`);
  await page.getByTestId("gate").getByRole("button", { name: "No", exact: true }).click();
  await goalStatus(page, "failed");
  await stepIs(page, "ready", "failed");
  await stepIs(page, "record", "skipped");
  await page.locator("[data-step=record]").click();
  await page.getByTestId("step-details").getByText("A step that it needs did not come about.").waitFor();
  await page.locator("[data-step=ready]").click();
  await page.getByTestId("decision").getByText("You said no").waitFor();
  check();
  await close();
});

test("a step says which agent it asks, and its answer who gave it", async () => {
  const { page, check, close } = await open({ user: operator });
  const { id } = await goalIs(operator, (await makeGoal(operator, NAMED)).id, hasEnded);
  await page.goto(`${BASE}/goals/${id}?step=grease`);
  const details = page.getByTestId("step-details");
  await details.getByText("maintenance-advisor", { exact: true }).waitFor();
  await details.locator("[data-testid=answered-by][data-agent=maintenance-advisor]").waitFor();
  check();
  await close();
});

test("a goal is paused, goes on, is stopped and deleted", async () => {
  const { page, check, close } = await open({ user: operator });
  const { id } = await makeGoal(operator);
  await page.goto(`${BASE}/goals/${id}`);
  await page.getByTestId("gate").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await goalStatus(page, "paused");
  await page.getByRole("button", { name: "Yes, go on" }).click();
  await stepIs(page, "ready", "done");
  assert.equal((await readGoal(operator, id)).steps.find(({ name }) => name === "record").run_id, null, "nothing begins while it is paused");
  await page.getByRole("button", { name: "Go on", exact: true }).click();
  await goalStatus(page, "finished");

  const other = await goalIs(operator, (await makeGoal(operator)).id, waits);
  await page.goto(`${BASE}/goals/${other.id}`);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog", { name: "Stop this goal?" }).getByRole("button", { name: "Stop" }).click();
  await goalStatus(page, "cancelled");
  await stepIs(page, "ready", "stopped");
  assert.equal(await page.getByTestId("gate").count(), 0, "nothing is asked for any more");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this goal?" }).getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/goals$/);
  check();
  await close();

  const gone = await open({ user: operator, allow: [/status of 404/] });
  await gone.page.goto(`${BASE}/goals/${other.id}`);
  await gone.page.getByText("There is no such goal").waitFor();
  await gone.close();
});

test("a proposed plan is changed and approved, and another one that took its place is not approved unseen", async () => {
  const { page, close } = await open({ user: operator, allow: [/status of 412/, /ERR_FAILED/, /Failed to load resource/] });
  const goal = await makeGoal(operator, PLAN, { review: true });
  // Nothing arrives by itself: what the person looks at stays as it is.
  await page.route("**/api/v1/goals/*/events", (route) => route.abort());
  await page.goto(`${BASE}/goals/${goal.id}`);
  await page.getByTestId("approve").waitFor();
  const changed = await apiJson(operator, "PUT", `/goals/${goal.id}/plan`, { plan: PLAN.replace("the work order", "the order of work"), replaces: goal.plan.sha256 });
  assert.equal(changed.status, 200);
  await page.getByRole("button", { name: "Approve and begin" }).click();
  await page.getByTestId("stale").getByText("The plan changed meanwhile").waitFor();
  assert.equal((await readGoal(operator, goal.id)).status, "proposed");
  await page.getByText("Is this what the order of work needs?").waitFor();

  // Now the person writes, and somebody else as well.
  await page.getByRole("button", { name: "Change the plan" }).click();
  const editor = page.getByRole("textbox", { name: "Plan as YAML" });
  await editor.fill(PLAN.replace("What has to be recorded after the work?", "What has to be written down after the work?"));
  await page.getByText("4 steps and the report").waitFor();
  const { plan } = await readGoal(operator, goal.id);
  await apiJson(operator, "PUT", `/goals/${goal.id}/plan`, { plan: PLAN.replace("What torque do", "Which torque do"), replaces: plan.sha256 });
  await page.getByRole("button", { name: "Save the plan" }).click();
  const stale = page.getByTestId("stale");
  await stale.locator("[data-kind=added]").getByText("written down").waitFor();
  await stale.locator("[data-kind=removed]").getByText("Which torque").waitFor();
  await page.getByRole("button", { name: "Save mine all the same" }).click();
  await page.getByTestId("approve").waitFor();
  await page.getByText("Version 4 · written by you").waitFor();
  await page.getByRole("button", { name: "Versions" }).click();
  await page.getByTestId("plan-version").nth(3).waitFor();
  assert.equal(await page.getByTestId("plan-version").count(), 4);
  assert.match(await page.getByTestId("plan-version").first().innerText(), /Version 3 → 4[\s\S]*Which torque[\s\S]*written down/);

  await page.unroute("**/api/v1/goals/*/events");
  await page.getByRole("button", { name: "Approve and begin" }).click();
  await page.getByTestId("gate").waitFor();
  await page.getByText("Version 4 · written by you · approved").waitFor();
  await close();
});

test("a plan that is being changed stays while the goal goes on elsewhere", async () => {
  const { page, check, close } = await open({ user: operator });
  const { id } = await goalIs(operator, (await makeGoal(operator)).id, waits);
  await page.goto(`${BASE}/goals/${id}`);
  await page.getByRole("button", { name: "Pause" }).click();
  await goalStatus(page, "paused");
  await page.getByRole("button", { name: "Change the plan" }).click();
  assert.equal(await page.getByRole("button", { name: "Go on", exact: true }).count(), 0);
  const editor = page.getByRole("textbox", { name: "Plan as YAML" });
  const changed = PLAN.replace("What has to be recorded after the work?", "What has to be written down after the work?");
  await editor.fill(changed);
  await page.getByText("4 steps and the report").waitFor();
  const save = page.getByRole("button", { name: "Save the plan" });
  assert.equal((await apiJson(operator, "POST", `/goals/${id}/resume`)).status, 200);
  await page.getByTestId("may-not-change").waitFor();
  assert.equal(await editor.inputValue(), changed);
  assert.equal(await save.isDisabled(), true);
  await page.getByRole("button", { name: "Pause" }).click();
  await goalStatus(page, "paused");
  await save.click();
  await page.getByText("Version 2 · written by you").waitFor();
  check();
  await close();
});

test("steps are followed on after the connection broke", async () => {
  const { page, close } = await open({ user: operator, allow: [/ERR_/, /Failed to load resource/] });
  const { id } = await goalIs(operator, (await makeGoal(operator)).id, waits);
  let asked = 0;
  await page.route("**/api/v1/goals/*/events", (route) => {
    asked += 1;
    return asked < 3 ? route.abort() : route.continue();
  });
  await page.goto(`${BASE}/goals/${id}`);
  await page.getByText("The connection broke.", { exact: false }).waitFor();
  await page.getByText("The connection broke.", { exact: false }).waitFor({ state: "detached" });
  await decide(operator, id, true);
  await goalStatus(page, "finished");
  await stepIs(page, "report", "done");
  await close();
});

test("the diagram is walked with the arrow keys, and the list with j and k", async () => {
  const { page, check, close } = await open({ user: operator });
  const { id } = await goalIs(operator, (await makeGoal(operator)).id, waits);
  await page.goto(`${BASE}/goals`);
  await page.getByTestId("goal-row").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(id));
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-step"));
  await page.locator("[data-step=torque]").focus();
  for (const [key, step] of [["ArrowDown", "lockout"], ["ArrowRight", "ready"], ["ArrowRight", "record"], ["ArrowRight", "report"], ["ArrowRight", "report"], ["ArrowLeft", "record"]]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), step);
  }
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Step record" }).waitFor();
  assert.match(await page.locator("[data-step=record]").innerText(), /Question\s+record\s+To come[\s\S]*Needs ready/);
  await page.keyboard.press("Escape");
  await page.getByRole("region", { name: "Step record" }).waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  await page.waitForURL(/\/goals$/);
  check();
  await close();
});

test("on a phone a gate is decided and a step is read", async () => {
  const { page, check, close } = await open({ user: operator, viewport: NARROW });
  const { id } = await goalIs(operator, (await makeGoal(operator)).id, waits);
  await page.goto(`${BASE}/goals/${id}`);
  await page.getByTestId("gate").getByRole("button", { name: "Yes, go on" }).click();
  await goalStatus(page, "finished");
  await page.locator("[data-step=torque]").click();
  const sheet = page.getByRole("dialog", { name: "Step torque" });
  await sheet.locator("[data-citation]").first().click();
  await page.getByRole("dialog", { name: "Source" }).waitFor();
  await page.getByRole("button", { name: "Close source" }).click();
  await sheet.getByRole("button", { name: "Close step" }).click();
  await sheet.waitFor({ state: "detached" });
  assert.ok(hasEnded(await readGoal(operator, id)));
  check();
  await close();
});

test("goals speak German", async () => {
  const { page, check, close } = await open({ user: operator });
  const { id } = await goalIs(operator, (await makeGoal(operator)).id, waits);
  await page.addInitScript(() => localStorage.setItem("millwright.language", "de"));
  await page.goto(`${BASE}/goals`);
  await page.getByRole("heading", { name: "Ziele", exact: true }).waitFor();
  await page.getByRole("button", { name: "Neues Ziel" }).click();
  await page.getByRole("button", { name: "Ein Beispiel einfügen" }).click();
  await page.getByText("4 Schritte und der Bericht").waitFor();
  await page.goto(`${BASE}/goals/${id}`);
  await page.getByRole("button", { name: "Ja, weiter" }).click();
  await page.getByText("Erreicht", { exact: true }).waitFor();
  await page.getByRole("heading", { name: "Ergebnis" }).waitFor();

  const refused = await goalIs(operator, (await makeGoal(operator)).id, waits);
  await decide(operator, refused.id, false);
  await page.goto(`${BASE}/goals/${refused.id}?step=record`);
  await page.getByText("Ein Schritt, den er braucht, ist nicht gelungen.").waitFor();
  check();
  await close();
});
