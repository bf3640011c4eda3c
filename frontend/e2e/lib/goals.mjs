// Goals made over the API, and the pages that show them, in the form of pages.mjs.
import assert from "node:assert/strict";
import { BASE, api, apiJson, documentReady, person } from "./harness.mjs";

export const GOAL = "What torque do the coupling bolts need, and what has to be done before maintenance work?";

/** Two questions side by side, a person's yes, and a last question. */
export const PLAN = `pipeline:
  - fan_out:
      branches:
        - ask: What torque do the coupling bolts need?
          name: torque
          expects: [answered, figure_in: Nm]
        - ask: What has to be done before maintenance work?
          name: lockout
  - person: Is this what the work order needs?
    name: ready
  - ask: What has to be recorded after the work?
    name: record
`;

/** The first of two is enough, of a demand that no document meets nothing comes, and a check looks at both. */
const JOINED = `pipeline:
  - fan_out:
      join: any
      branches:
        - ask: What torque do the coupling bolts need?
          name: torque
        - ask: What torque do the motor feet need?
          name: feet
          expects: [says: nothing of the kind, documents: 9]
  - check: [answered, figure_in: bar]
    name: in-bar
  - ask: What has to be recorded after the work?
    name: record
`;

/** One question, of an agent that is named. */
export const NAMED = `pipeline:
  - ask: How often must the bearings be relubricated?
    name: grease
    agent: maintenance-advisor
`;

/** The samples are there to be asked. */
export async function samplesReady(user) {
  const { items } = await (await api(user, "/documents")).json();
  for (const { name } of items) await documentReady(user, name);
}

export async function makeGoal(user, plan = PLAN, more = {}) {
  const response = await apiJson(user, "POST", "/goals", { goal: GOAL, plan, ...more });
  assert.equal(response.status, 201, await response.clone().text());
  return response.json();
}

export async function readGoal(user, id) {
  return (await api(user, `/goals/${id}`)).json();
}

/** Waits until a goal is as `is` says. */
export async function goalIs(user, id, is) {
  const end = Date.now() + 30_000;
  for (;;) {
    const goal = await readGoal(user, id);
    if (is(goal)) return goal;
    assert.ok(Date.now() < end, `the goal comes that far: ${JSON.stringify(goal.steps.map(({ name, status }) => [name, status]))}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const waits = ({ steps }) => steps.some(({ status }) => status === "waiting");
export const hasEnded = ({ status }) => ["finished", "failed", "cancelled"].includes(status);

export async function decide(user, id, approve, note) {
  const response = await apiJson(user, "POST", `/goals/${id}/decide`, { step: "ready", approve, note });
  assert.equal(response.status, 200, await response.clone().text());
}

const made = new Map();
/** Made once for all themes and widths. */
function once(name, make) {
  if (!made.has(name)) made.set(name, samplesReady(person("admin")).then(make));
  return made.get(name);
}

const waiting = () => once("waiting", async () => goalIs(person("admin"), (await makeGoal(person("admin"))).id, waits));
const proposed = () => once("proposed", () => makeGoal(person("admin"), JOINED, { review: true }));
const failed = () => once("failed", async () => goalIs(person("admin"), (await makeGoal(person("admin"), JOINED)).id, hasEnded));
const finished = () =>
  once("finished", async () => {
    const { id } = await goalIs(person("admin"), (await makeGoal(person("admin"))).id, waits);
    await decide(person("admin"), id, true, "Agreed with the shift lead.");
    return goalIs(person("admin"), id, hasEnded);
  });

async function openGoal(page, goal) {
  await page.goto(`${BASE}/goals/${(await goal()).id}`);
  await page.getByTestId("plan-diagram").waitFor();
}

export const GOAL_PAGES = [
  {
    name: "goals-none",
    go: async (page) => {
      await page.route("**/api/v1/goals?*", (route) => route.fulfill({ json: { items: [], next_cursor: null } }));
      await page.goto(`${BASE}/goals`);
      await page.getByText("No goal yet").waitFor();
    },
  },
  {
    name: "goals",
    go: async (page) => {
      await Promise.all([waiting(), proposed(), failed(), finished()]);
      await page.goto(`${BASE}/goals`);
      await page.getByTestId("goal-row").first().waitFor();
    },
  },
  {
    name: "goal-new",
    go: async (page) => {
      await page.goto(`${BASE}/goals/new`);
      await page.getByRole("button", { name: "Insert an example" }).click();
      await page.getByTestId("plan-sound").waitFor();
      await page.locator("summary").getByText("More").click();
    },
  },
  {
    name: "goal-new-wrong",
    expects: [/status of 422/],
    go: async (page) => {
      await page.goto(`${BASE}/goals/new`);
      await page.getByTestId("plan-editor").fill("pipeline:\n  - aks: What torque?\n");
      await page.getByTestId("plan-wrong").waitFor();
      await page.locator("summary").getByText("How a plan is written").click();
    },
  },
  { name: "goal-waiting", go: async (page) => (await openGoal(page, waiting), page.getByTestId("gate").waitFor()) },
  {
    name: "goal-proposed",
    go: async (page) => {
      await openGoal(page, proposed);
      await page.getByRole("button", { name: "Versions" }).click();
      await page.getByTestId("plan-version").waitFor();
    },
  },
  {
    name: "goal-change",
    go: async (page) => {
      await openGoal(page, proposed);
      await page.getByRole("button", { name: "Change the plan" }).click();
      await page.getByTestId("plan-sound").waitFor();
    },
  },
  {
    name: "goal-failed",
    go: async (page) => {
      await openGoal(page, failed);
      await page.locator("[data-step=in-bar]").click();
      await page.getByTestId("step-details").waitFor();
    },
  },
  { name: "goal-finished", go: async (page) => (await openGoal(page, finished), page.getByTestId("report").waitFor()) },
  {
    name: "goal-step",
    go: async (page) => {
      await openGoal(page, finished);
      await page.locator("[data-step=torque]").click();
      await page.getByTestId("step-answer").waitFor();
    },
  },
  {
    name: "goal-source",
    go: async (page) => {
      await openGoal(page, finished);
      await page.getByTestId("report").locator("[data-citation]").first().click();
      await page.locator(".textLayer mark, [data-testid=text-page] mark").first().waitFor();
    },
  },
];
