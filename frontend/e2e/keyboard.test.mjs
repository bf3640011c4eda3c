import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, answered, closeBrowser, open, person } from "./lib/harness.mjs";

after(closeBrowser);

test("from sign-in to an opened source and a document without a mouse", async () => {
  const { page, check, close } = await open();
  const { email, password } = person("admin");
  const press = (key) => page.keyboard.press(key);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

  await page.goto(BASE);
  await page.getByLabel("E-mail").waitFor();
  await press("Tab");
  await page.keyboard.type(email);
  await press("Tab");
  await page.keyboard.type(password);
  await press("Enter");

  // The composer has the focus of itself.
  await page.waitForURL(/\/chat$/);
  await page.getByRole("textbox", { name: "Ask about your documents" }).waitFor();
  await page.keyboard.type("What has to be done before maintenance work?");
  await press("Enter");
  await answered(page);

  // Out of the composer, back to the first citation, and into its source.
  for (let steps = 0; !/^Source 1:/.test(await focused()); steps += 1) {
    assert.ok(steps < 40, "a citation is reached with Shift+Tab");
    await press("Shift+Tab");
  }
  await press("Enter");
  await page.getByRole("complementary", { name: "Source" }).waitFor();
  await press("Escape");
  await page.getByRole("complementary", { name: "Source" }).waitFor({ state: "detached" });

  await press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await press("g");
  await press("d");
  await page.waitForURL(/\/documents$/);
  await page.getByTestId("document-row").first().waitFor();
  await press("j");
  const first = await focused();
  await press("j");
  assert.notEqual(await focused(), first, "j moves on");
  await press("k");
  assert.equal(await focused(), first, "k moves back");
  await press("Enter");
  await page.waitForURL(/\/documents\/doc_/);
  await press("Escape");
  await page.waitForURL(/\/documents(\?.*)?$/);
  await press("/");
  assert.equal(await focused(), "Find by name");
  check();
  await close();
});

test("a user is found, opened and left again without a mouse", async () => {
  const { page, check, close } = await open({ user: person("admin") });
  const press = (key) => page.keyboard.press(key);
  await page.goto(`${BASE}/documents`);
  await page.getByTestId("document-row").first().waitFor();
  await press("g");
  await press("u");
  await page.waitForURL(/\/admin\/users$/);
  await page.getByTestId("user-row").first().waitFor();
  await press("/");
  await page.keyboard.type(person("viewer").email);
  await page.waitForURL(/\?q=/);
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=user-row]").length === 1);
  // Out of the field, which keeps the search.
  await press("Tab");
  await press("j");
  await press("Enter");
  await page.waitForURL(/\/admin\/users\/usr_[0-9a-f]{32}\?q=/);
  const details = page.getByRole("complementary", { name: "User details" });
  await details.getByText(person("viewer").email).waitFor();
  await press("Escape");
  await details.waitFor({ state: "detached" });
  assert.match(page.url(), /\/admin\/users\?q=/, "the search stays");
  await press("g");
  await press("s");
  await page.waitForURL(/\/admin\/security$/);
  check();
  await close();
});

test("single-key shortcuts can be switched off", async () => {
  const { page, check, close } = await open({ user: person("admin") });
  await page.goto(`${BASE}/documents`);
  await page.getByTestId("document-row").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("checkbox", { name: "Use single-key shortcuts" }).uncheck();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("?");
  await page.keyboard.press("/");
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement?.tagName === "INPUT"), false);
  check();
  await close();
});
