import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, closeBrowser, open, person } from "./lib/harness.mjs";

after(closeBrowser);

const EXPECTED_401 = /status of 401/;

test("a wrong password is refused in place, the right one leads to where the person wanted to go", async () => {
  const { page, check, close } = await open({ allow: [EXPECTED_401] });
  const { email, password } = person("operator");
  await page.goto(`${BASE}/documents?status=ready`);
  await page.waitForURL(/\/sign-in\?return=/);

  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(`${password}x`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByTestId("sign-in-error").waitFor();
  assert.equal(await page.getByLabel("E-mail").inputValue(), email, "what was typed stays");

  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${BASE}/documents?status=ready`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();

  await page.reload();
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  check();
  await close();
});

test("a return address of another host is not followed", async () => {
  const { page, check, close } = await open({ user: person("viewer") });
  await page.goto(`${BASE}/sign-in?return=${encodeURIComponent("//other.example/")}`);
  await page.waitForURL(`${BASE}/chat`);
  check();
  await close();
});

test("a token that the server no longer takes leads to the sign-in page, and signing out forgets it", async () => {
  const { page, close } = await open({ user: person("viewer"), allow: [EXPECTED_401] });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  await page.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem("millwright.session"));
    sessionStorage.setItem("millwright.session", JSON.stringify({ ...session, token: `${session.token}forged` }));
  });
  await page.reload();
  await page.waitForURL(/\/sign-in\?return=%2Fdocuments/);

  const { email, password } = person("viewer");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(/\/documents/);
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("millwright.session")), null);
  await close();
});

test("only an administrator sees and reaches the administration", async () => {
  const { page, check, close } = await open({ user: person("viewer") });
  await page.goto(`${BASE}/admin/audit`);
  await page.waitForURL(`${BASE}/chat`);
  const rail = page.getByRole("navigation", { name: "Main navigation" });
  await rail.getByRole("link").first().waitFor();
  assert.deepEqual(await rail.getByRole("link").allInnerTexts(), ["Chat", "Documents"]);
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Upload" }).count(), 0, "a viewer is not offered what the role may not do");
  check();
  await close();
});
