// A suite is written, asked, changed and asked again; what became worse is shown with its case.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, checkAccessibility, closeBrowser, open, person } from "./lib/harness.mjs";
import { ended, said } from "./lib/evaluation-pages.mjs";

after(closeBrowser);

const DEFINITION = `name: Questions of the browser
cases:
  - id: bolts
    question: What torque do the coupling bolts of the HP-CX 80-250 need?
    documents: ["HP-CX 80-250 pump manual.pdf"]
    facts: [["49 Nm"]]
  - id: colour
    question: In which RAL colour is the casing of the HP-CX 80-250 painted?
    abstain: true
`;

test("a suite is asked twice, and the case that became wrong is found", async () => {
  const admin = person("admin");
  for (const { id, name } of (await said(admin, "GET", "/evaluation-suites")).items) {
    if (name === "Questions of the browser") await said(admin, "DELETE", `/evaluation-suites/${id}`);
  }
  const { page, check, close } = await open({ user: admin });
  await page.goto(`${BASE}/admin/evaluations`);
  await page.getByRole("button", { name: "New suite" }).click();
  await page.getByLabel("Read a file").setInputFiles({ name: "suite.yaml", mimeType: "text/yaml", buffer: Buffer.from(DEFINITION) });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Questions of the browser" }).waitFor();
  const suite = new URL(page.url()).pathname.split("/").at(-1);
  const start = async () => {
    await page.getByRole("button", { name: "Start an evaluation" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Start an evaluation" }).click();
    await page.locator("[data-testid=evaluation-status][data-status=finished]").waitFor({ timeout: 30_000 });
  };
  await start();
  assert.equal(await page.locator("[data-testid=evaluation-case][data-right=true]").count(), 2);
  await said(admin, "PATCH", `/evaluation-suites/${suite}`, { definition: DEFINITION.replace("49 Nm", "50 Nm") });
  await page.getByRole("link", { name: "Questions of the browser" }).click();
  await start();
  const comparison = page.getByTestId("comparison");
  await comparison.getByRole("heading", { name: "Became wrong: 1" }).waitFor();
  await comparison.getByText("worse", { exact: true }).first().waitFor();
  await comparison.getByRole("link", { name: "bolts" }).click();
  await page.getByText("Without “50 Nm”").waitFor();
  await page.getByText("49 Nm").first().waitFor();
  await checkAccessibility(page, "evaluation");
  await page.getByRole("link", { name: "The run, step by step" }).click();
  await page.waitForURL(/\/runs\/run_/);
  const { items } = await said(admin, "GET", `/evaluations?suite_id=${suite}`);
  await ended(admin, items.map(({ id }) => id));
  await said(admin, "DELETE", `/evaluation-suites/${suite}`);
  check();
  await close();
});
