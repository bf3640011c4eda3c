// The pages of usage, budgets and models, in the form of pages.mjs: as they are before a model is connected, and with one.
import { BASE, answered, api, apiJson, ask, person } from "./harness.mjs";

/** On a server with the built-in answerer alone, which costs nothing and is not counted. */
export const MODEL_PAGES = [
  { name: "usage-none", go: async (page) => (await page.goto(`${BASE}/usage`), page.getByTestId("usage-none").waitFor()) },
  { name: "models-none", go: async (page) => (await page.goto(`${BASE}/admin/models`), page.getByTestId("no-model").waitFor(), page.getByRole("slider").first().waitFor()) },
  { name: "budgets-none", go: async (page) => (await page.goto(`${BASE}/admin/budgets`), page.getByText("No budgets yet").waitFor()) },
];

const made = new Map();
/** Made once for all themes and widths. */
function once(name, make) {
  if (!made.has(name)) made.set(name, make());
  return made.get(name);
}

export const LONG_NAME = "Maintenance planning of the northern works";

async function makeBudgets() {
  const admin = person("admin");
  const budgets = [
    { name: LONG_NAME, subject_kind: "tenant", period: "month", unit: "money", limit: 250_000_000 },
    { name: "Each person a day", subject_kind: "user", period: "day", unit: "tokens", limit: 100_000 },
    { name: "Nothing left", subject_kind: "agent", subject_id: "nightly", period: "hour", unit: "money", limit: 0 },
  ];
  for (const budget of budgets) await apiJson(admin, "POST", "/admin/budgets", budget);
}

export async function openAnswer(page, question) {
  await page.goto(`${BASE}/chat`);
  await page.getByRole("combobox", { name: "Model tier" }).selectOption("STANDARD");
  await ask(page, question);
  await answered(page);
  await page.getByTestId("steps").click();
  await page.getByTestId("route").waitFor();
}

const HARD = "Compare the three failure modes of the gearbox step by step, compute the expected downtime of each in hours, and prove which is the worst if repairs take 4.5 hours.";

/** On a server with the models of models-file.mjs. */
export const filledPages = (question) => [
  {
    name: "chat-route",
    go: async (page) => {
      await openAnswer(page, question);
      await page.locator("summary").getByText("Every model").click();
      await page.getByTestId("candidates").waitFor();
    },
  },
  {
    name: "run",
    go: async (page) => {
      const { items } = await (await api(person("admin"), "/conversations?limit=1")).json();
      const { messages } = await (await api(person("admin"), `/conversations/${items[0].id}`)).json();
      await page.goto(`${BASE}/runs/${messages.at(-1).run_id}`);
      await page.getByTestId("route").first().waitFor();
    },
  },
  {
    name: "usage",
    go: async (page) => {
      await once("budgets", makeBudgets);
      await page.goto(`${BASE}/usage`);
      await page.locator("[data-bar]").first().waitFor();
      await page.getByTestId("usage-row").first().waitFor();
      await page.getByTestId("own-budget").first().waitFor();
      await page.getByRole("button", { name: "Figures by day" }).click();
    },
  },
  {
    name: "budgets",
    go: async (page) => {
      await once("budgets", makeBudgets);
      await page.goto(`${BASE}/admin/budgets`);
      await page.getByTestId("budget-row").first().waitFor();
    },
  },
  {
    name: "budget-create",
    go: async (page) => {
      await page.goto(`${BASE}/admin/budgets`);
      await page.getByRole("button", { name: "Create budget" }).click();
      await page.getByLabel("For").selectOption("api_key");
      await page.getByRole("radio", { name: "One API key" }).check();
      await page.getByLabel("Limit in EUR").fill("12.5");
    },
  },
  {
    name: "models",
    go: async (page) => {
      await page.goto(`${BASE}/admin/models`);
      await page.getByTestId("endpoint-row").first().waitFor();
      await page.getByRole("textbox", { name: "Prompt" }).fill(HARD);
      await page.getByRole("button", { name: "Estimate" }).click();
      await page.getByTestId("estimate").waitFor();
    },
  },
];
