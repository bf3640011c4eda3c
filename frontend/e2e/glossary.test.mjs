// The glossary: a term is added, found, changed and taken away; an answer says what it took from it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, answered, ask, checkAccessibility, closeBrowser, open, person } from "./lib/harness.mjs";

after(closeBrowser);

/** Another one each time. */
const TERM = `QX${Date.now().toString(36).toUpperCase()}`;

test("an administrator keeps the glossary, and an answer says what it took from it", async () => {
  const { page, check, close } = await open({ user: person("admin"), allow: [/status of 409/] });
  await page.goto(`${BASE}/admin/glossary`);
  await page.getByRole("button", { name: "Add term" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Term").fill(TERM);
  await dialog.getByLabel("Stands for").fill("mechanical seal\n");
  await checkAccessibility(page, "glossary-add");
  await dialog.getByRole("button", { name: "Add term" }).click();
  const row = page.getByTestId("glossary-row").filter({ hasText: TERM });
  await row.waitFor();

  // The same term again is refused where it is asked for.
  await page.getByRole("button", { name: "Add term" }).first().click();
  await dialog.getByLabel("Term").fill(TERM.toLowerCase());
  await dialog.getByLabel("Stands for").fill("something else");
  await dialog.getByRole("button", { name: "Add term" }).click();
  await dialog.getByTestId("problem").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await page.getByRole("textbox", { name: "Find a term" }).fill("mechanical");
  await page.waitForURL(/q=mechanical/);
  await row.waitFor();
  await page.getByRole("textbox", { name: "Find a term" }).fill("nothing has this");
  await page.getByText("No term has these words").waitFor();

  await page.goto(`${BASE}/chat`);
  await ask(page, `How is the ${TERM} replaced?`);
  await answered(page);
  await page.getByTestId("steps").click();
  assert.equal(await page.getByTestId("understood").innerText(), `From the glossary, for “${TERM}”: mechanical seal`);

  await page.goto(`${BASE}/admin/glossary`);
  await page.getByRole("button", { name: `Delete ${TERM}` }).click();
  await page.getByRole("alertdialog").or(page.getByRole("dialog")).getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  check();
  await close();
});
