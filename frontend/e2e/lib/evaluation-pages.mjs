// Pages of evaluations, with the demo's suite asked twice.
import assert from "node:assert/strict";
import { BASE, apiJson, person } from "./harness.mjs";

export const SUITE = "Pump and lockout";

/** What the API answers, which must be a success; null where it says nothing. */
export async function said(user, method, path, body) {
  const response = await apiJson(user, method, path, body);
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** Until all of them have ended. */
export async function ended(admin, ids) {
  for (const id of ids) {
    for (let tries = 0; ; tries += 1) {
      const { status } = await said(admin, "GET", `/evaluations/${id}`);
      if (!["queued", "running"].includes(status)) break;
      if (tries > 300) throw new Error(`${id} does not end`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

let made;
/** Made once for all themes and widths: the suite, and its evaluations. */
export function asked() {
  made ??= (async () => {
    const admin = person("admin");
    const { items } = await said(admin, "GET", "/evaluation-suites");
    const suite = items.find(({ name }) => name === SUITE).id;
    const started = await said(admin, "POST", "/evaluations", { suite_id: suite, agents: [{}, { name: "generalist" }] });
    const evaluations = started.items.map(({ id }) => id);
    await ended(admin, evaluations);
    return { suite, evaluations };
  })();
  return made;
}

export const EVALUATION_PAGES = [
  { name: "evaluations", admin: true, go: async (page) => (await asked(), await page.goto(`${BASE}/admin/evaluations`), page.getByTestId("suite-row").first().waitFor()) },
  {
    name: "evaluation-suite",
    admin: true,
    go: async (page) => {
      const { suite } = await asked();
      await page.goto(`${BASE}/admin/evaluations/suites/${suite}`);
      await page.getByRole("img", { name: /Measures of/ }).waitFor();
    },
  },
  {
    name: "evaluation-start",
    admin: true,
    go: async (page) => {
      const { suite } = await asked();
      await page.goto(`${BASE}/admin/evaluations/suites/${suite}`);
      await page.getByRole("button", { name: "Start an evaluation" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "evaluation-new",
    admin: true,
    expects: [/status of 422/],
    go: async (page) => {
      await page.goto(`${BASE}/admin/evaluations`);
      await page.getByRole("button", { name: "New suite" }).click();
      await page.getByTestId("suite-definition").fill("name: x\ncases:\n  - id: a\n    question: How?\n");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByTestId("problem").waitFor();
    },
  },
  {
    name: "evaluation-figures",
    admin: true,
    go: async (page) => {
      const { evaluations } = await asked();
      await page.goto(`${BASE}/admin/evaluations/${evaluations[1]}?with=${evaluations[0]}`);
      await page.getByTestId("comparison").getByRole("table").first().waitFor();
    },
  },
  {
    name: "evaluation-case",
    admin: true,
    go: async (page) => {
      const { evaluations } = await asked();
      await page.goto(`${BASE}/admin/evaluations/${evaluations[1]}?case=pump-grease`);
      await page.getByRole("link", { name: "The run, step by step" }).waitFor();
    },
  },
];
