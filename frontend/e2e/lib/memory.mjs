// What people have remembered, over the API, and the pages that show it, in the form of pages.mjs.
import assert from "node:assert/strict";
import { BASE, api, apiJson, person } from "./harness.mjs";
import { goalIs, hasEnded, makeGoal, samplesReady } from "./goals.mjs";

export const QUESTION = "What torque do the coupling bolts need?";
const NOTE = "I am a fitter on the night shift in hall 3 and know the pumps well.";
const PLAN = "pipeline:\n  - ask: What torque do the coupling bolts need?\n    name: torque\n  - ask: What has to be recorded after the work?\n    name: record\n";

export async function remember(user, what) {
  const response = await apiJson(user, "POST", "/memories", what);
  assert.ok(response.ok, await response.clone().text());
  return response.json();
}

/** The first sentence of an answer that cites something. */
export function firstSentence({ content }) {
  return content.slice(0, content.indexOf("[")).trim().split("\n").at(-1);
}

export async function rememberAnswer(user, question = QUESTION) {
  const response = await apiJson(user, "POST", "/chat", { message: question, stream: false });
  const { message } = await response.json();
  return remember(user, { message_id: message.id, sentence: firstSentence(message) });
}

export async function rememberPlan(user) {
  const { id } = await makeGoal(user, PLAN);
  await goalIs(user, id, hasEnded);
  return remember(user, { goal_id: id, name: "Work order for the coupling" });
}

export async function memories(user) {
  return (await (await api(user, "/memories")).json()).items;
}

let filled;
/** Made once for all themes and widths. */
function fill(user) {
  filled ??= samplesReady(user).then(async () => {
    await rememberPlan(user);
    await rememberAnswer(user);
    await remember(user, { about_me: NOTE, expires_at: null });
  });
  return filled;
}

async function openMemory(page) {
  await fill(person("admin"));
  await page.goto(`${BASE}/memory`);
  await page.getByTestId("memory").nth(2).waitFor();
}

export const MEMORY_PAGES = [
  { name: "memory", go: openMemory },
  {
    name: "memory-empty",
    go: async (page) => {
      await page.route(/\/api\/v1\/memories\?/, (route) => route.fulfill({ json: { items: [], next_cursor: null } }));
      await page.goto(`${BASE}/memory`);
      await page.getByText("Nothing is remembered yet").waitFor();
    },
  },
  {
    name: "memory-hidden",
    go: async (page) => {
      await fill(person("admin"));
      // As they come when a document has gone, or another version of it answers.
      await page.route(/\/api\/v1\/memories\?/, async (route) => {
        const response = await route.fetch();
        const list = await response.json();
        const [fact] = list.items.filter(({ kind }) => kind === "plant_fact");
        const items = [{ ...fact, state: "stale" }, { ...fact, id: `mem_${"0".repeat(32)}`, state: "withheld", text: null, citations: [] }];
        await route.fulfill({ response, json: { items, next_cursor: null } });
      });
      await page.goto(`${BASE}/memory`);
      await page.getByTestId("memory").nth(1).waitFor();
    },
  },
  {
    name: "memory-new",
    go: async (page) => {
      await openMemory(page);
      await page.getByRole("button", { name: "Note about me" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "memory-plan",
    go: async (page) => {
      await openMemory(page);
      await page.getByText("Show plan").click();
    },
  },
  {
    name: "memory-procedure",
    go: async (page) => {
      await fill(person("admin"));
      await page.goto(`${BASE}/goals/new`);
      await page.getByRole("combobox", { name: "Start from a procedure" }).selectOption({ label: "Work order for the coupling" });
    },
  },
];
