import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, PLAIN, closeBrowser, open, person } from "./lib/harness.mjs";

after(closeBrowser);

const EXPECTED_401 = /status of 401/;

async function signIn(page, { email, password }) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function signOut(page) {
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
}

test("a wrong password is refused in place, the right one leads to where the person wanted to go", async () => {
  const { page, check, close } = await open({ allow: [EXPECTED_401] });
  const { email, password } = person("operator");
  await page.goto(`${BASE}/documents?status=ready`);
  await page.waitForURL(/\/sign-in\?return=/);

  await signIn(page, { email, password: `${password}x` });
  await page.getByTestId("sign-in-error").waitFor();
  assert.equal(await page.getByLabel("E-mail").inputValue(), email, "what was typed stays");

  await signIn(page, { email, password });
  await page.waitForURL(`${BASE}/documents?status=ready`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();

  await page.reload();
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  check();
  await close();
});

test("script can read no credential, and a request from elsewhere would lack the token", async () => {
  const { page, context, check, close } = await open({ user: person("viewer"), own: true, allow: [/status of 403/] });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();

  const kept = await context.cookies();
  const named = (suffix) => kept.find(({ name }) => name.endsWith(suffix));
  assert.ok(kept.every(({ secure, sameSite }) => secure && sameSite === "Strict"), JSON.stringify(kept.map(({ name, secure, sameSite }) => ({ name, secure, sameSite }))));
  assert.deepEqual([named("_access").httpOnly, named("_refresh").httpOnly, named("_csrf").httpOnly], [true, true, false]);
  const readable = await page.evaluate(() => [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join(" "));
  assert.ok(!readable.includes(named("_access").value) && !readable.includes(named("_refresh").value));

  const [without, wrong] = await page.evaluate(async () => {
    const ask = (headers) => fetch("/api/v1/auth/me", { method: "PATCH", headers: { "content-type": "application/json", ...headers }, body: '{"display_name":"Forged"}' });
    return [await (await ask({})).json(), await (await ask({ "x-csrf-token": "0".repeat(64) })).json()];
  });
  assert.deepEqual([without.code, wrong.code], ["csrf_rejected", "csrf_rejected"]);
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

test("when the short-lived cookie has run out, the session goes on without a word", async () => {
  const { page, context, check, close } = await open({ user: person("viewer"), own: true, allow: [EXPECTED_401] });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  const access = async () => (await context.cookies()).find(({ name }) => name.endsWith("_access"));
  const before = await access();
  await context.clearCookies({ name: before.name });

  await page.getByRole("link", { name: "Chat" }).click();
  await page.getByRole("textbox", { name: "Ask about your documents" }).waitFor();
  await page.reload();
  await page.getByRole("textbox", { name: "Ask about your documents" }).waitFor();
  const renewed = await access();
  assert.ok(renewed !== undefined && renewed.value !== before.value, "the cookie was renewed");
  check();
  await close();
});

test("a page that is reloaded in the middle of the renewal stays signed in", async () => {
  const { page, context, check, close } = await open({ user: person("viewer"), own: true, allow: [EXPECTED_401] });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  for (let times = 0; times < 5; times += 1) {
    await context.clearCookies({ name: "__Host-millwright_access" });
    const sent = page.waitForRequest(/\/auth\/refresh$/);
    // As when the person comes back to the tab: the page looks after its session.
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await sent;
    await page.reload();
    await page.getByRole("heading", { name: "Documents" }).waitFor();
  }
  check();
  await close();
});

test("signing out in one tab leaves no tab inside, and the next person begins anew", async () => {
  const { page, context, check, close } = await open({ user: person("operator"), own: true, allow: [EXPECTED_401] });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  const other = await context.newPage();
  await other.goto(`${BASE}/documents?status=ready`);
  await other.getByRole("heading", { name: "Documents" }).waitFor();

  await signOut(page);
  await page.waitForURL(`${BASE}/sign-in`);
  await other.waitForURL(`${BASE}/sign-in`);
  assert.deepEqual((await context.cookies()).filter(({ name }) => name.endsWith("_access")), []);

  const viewer = person("viewer");
  await signIn(page, viewer);
  await page.waitForURL(`${BASE}/chat`);
  await other.waitForURL(`${BASE}/chat`);
  await other.getByRole("button", { name: /^Account/ }).click();
  await other.getByRole("menu").getByText(viewer.email).waitFor();
  check();
  await close();
});

test("where the site has no HTTPS, the page says that the browser refused the cookie, and why", async () => {
  const { page, check, close } = await open({ base: PLAIN, allow: [EXPECTED_401, /Cookie|Cross-Origin-Opener-Policy|untrustworthy/] });
  await page.goto(`${PLAIN}/sign-in`);
  await signIn(page, person("viewer"));
  const problem = page.getByTestId("problem");
  await problem.waitFor();
  assert.match(await problem.innerText(), /The browser refused the session cookie[\s\S]*not reached over HTTPS/);
  await page.reload();
  await page.getByLabel("E-mail").waitFor();
  check();
  await close();
});

test("each sees and reaches only what the permissions open", async () => {
  const { page, check, close } = await open({ user: person("viewer") });
  await page.goto(`${BASE}/admin/audit`);
  await page.waitForURL(`${BASE}/chat`);
  await page.goto(`${BASE}/admin`);
  await page.waitForURL(`${BASE}/chat`);
  const rail = page.getByRole("navigation", { name: "Main navigation" });
  await rail.getByRole("link").first().waitFor();
  assert.deepEqual(await rail.getByRole("link").allInnerTexts(), ["Chat", "Documents", "Goals", "Usage"]);
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Upload" }).count(), 0, "a viewer is not offered what the role may not do");
  check();
  await close();
});
