import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BASE, checkAccessibility, closeBrowser, open, person } from "./lib/harness.mjs";
import { hire, nextCode, pathOf, requireSecondFactor, withSecondFactor } from "./lib/people.mjs";

const admin = person("admin");
const EXPECTED_401 = /status of 401/;
const PASSWORD = "the lathe in hall three hums";

before(() => requireSecondFactor([]));
after(async () => {
  await requireSecondFactor([]);
  await closeBrowser();
});

async function signIn(page, { email, password }) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Goes through the enrolment that is on the screen, and returns the secret and the recovery codes. */
async function enrol(page, proceed) {
  const qr = page.getByRole("img", { name: "QR code for the authenticator app" });
  await qr.waitFor();
  assert.ok(await qr.evaluate((image) => image.complete && image.naturalWidth > 0), "the QR code is drawn");
  const secret = await page.getByRole("button", { name: /Copy Secret/ }).getAttribute("title");
  await page.getByLabel("Six-digit code from the app").fill("000000");
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText("The code is wrong or came too late").waitFor();
  await page.getByLabel("Six-digit code from the app").fill(await nextCode(secret));
  await page.getByRole("button", { name: "Confirm" }).click();
  const codes = (await page.getByRole("textbox", { name: "Recovery codes" }).inputValue()).split("\n");
  assert.equal(new Set(codes).size, 10);
  await page.getByRole("checkbox", { name: "I have kept these codes" }).check();
  await page.getByRole("button", { name: proceed }).click();
  return { secret, codes };
}

test("a second factor is set up in the profile, asked for at sign-in, and removed with a code", async () => {
  const user = await hire("viewer");
  const { page, context, check, close } = await open({ user, own: true, allow: [EXPECTED_401, /status of 4(03|22)/] });
  await page.goto(`${BASE}/profile`);
  const section = page.getByRole("region", { name: "Second factor" });
  await section.getByRole("button", { name: "Set up" }).click();
  const { secret, codes } = await enrol(page, "Done");
  await section.getByText("10 recovery codes are left.").waitFor();

  await context.clearCookies();
  await page.goto(`${BASE}/profile`);
  await signIn(page, user);
  await page.getByRole("heading", { name: "Second factor" }).waitFor();
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByTestId("sign-in-error").waitFor();
  await page.getByLabel("Code", { exact: true }).fill(await nextCode(secret));
  await page.getByRole("button", { name: "Verify" }).click();
  await page.waitForURL(`${BASE}/profile`);

  // A recovery code is spent by its use.
  await context.clearCookies();
  await page.goto(`${BASE}/profile`);
  await signIn(page, user);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(codes[3].toUpperCase());
  await page.getByRole("button", { name: "Verify" }).click();
  await page.waitForURL(`${BASE}/profile`);
  await section.getByText("9 recovery codes are left.").waitFor();

  // New ones take the place of the old; a code that was used proves nothing more.
  const dialog = page.getByRole("dialog");
  await section.getByRole("button", { name: "New recovery codes" }).click();
  await dialog.getByLabel("Code from your authenticator app").fill(codes[3]);
  await dialog.getByRole("button", { name: "Make new codes" }).click();
  await dialog.getByText("The code is wrong or came too late").waitFor();
  await dialog.getByLabel("Code from your authenticator app").fill(codes[4]);
  await dialog.getByRole("button", { name: "Make new codes" }).click();
  const fresh = (await dialog.getByRole("textbox", { name: "Recovery codes" }).inputValue()).split("\n");
  assert.ok(fresh.length === 10 && fresh.every((code) => !codes.includes(code)));
  await dialog.getByRole("checkbox", { name: "I have kept these codes" }).check();
  await dialog.getByRole("button", { name: "Done" }).click();
  await section.getByText("10 recovery codes are left.").waitFor();

  await section.getByRole("button", { name: "Remove" }).click();
  await dialog.getByLabel("Code from your authenticator app").fill("000000");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await dialog.getByText("The code is wrong or came too late").waitFor();
  await dialog.getByLabel("Code from your authenticator app").fill(await nextCode(secret));
  await dialog.getByRole("button", { name: "Remove" }).click();
  await dialog.waitFor({ state: "detached" });
  await section.getByText("Not set up").waitFor();
  check();
  await close();
});

test("who must have a second factor sees nothing else until it is set up; an auditor may look and not change", async () => {
  const auditor = await hire("auditor");
  const chief = await open({ user: admin, own: true });
  await chief.page.goto(`${BASE}/admin/security`);
  await chief.page.getByRole("checkbox", { name: "Auditor" }).check();
  await chief.page.getByRole("button", { name: "Save" }).click();
  await chief.page.getByText("Saved").waitFor();
  chief.check();
  await chief.close();

  const { page, check, close } = await open({ allow: [EXPECTED_401, /status of 4(03|22)/] });
  await page.goto(`${BASE}/admin/users`);
  await signIn(page, auditor);
  await page.getByRole("heading", { name: "Set up your second factor" }).waitFor();
  await page.goto(`${BASE}/admin/audit`);
  await page.getByRole("heading", { name: "Set up your second factor" }).waitFor();
  await checkAccessibility(page, "enrolment");
  await enrol(page, "Continue");
  await page.waitForURL(`${BASE}/admin/audit`);
  await page.getByTestId("audit-row").first().waitFor();

  assert.deepEqual(await page.getByRole("navigation", { name: "Main navigation" }).getByRole("link").allInnerTexts(), ["Usage", "Admin"]);
  const places = page.getByRole("navigation", { name: "Administration" });
  assert.deepEqual(await places.getByRole("link").allInnerTexts(), ["Users", "Policy", "Personal data", "Agents", "MCP servers", "Models", "Budgets", "Glossary", "Security", "Jobs", "Audit log"]);
  await places.getByRole("link", { name: "Users" }).click();
  await page.getByRole("link", { name: auditor.name }).click();
  const details = page.getByRole("complementary", { name: "User details" });
  await details.getByRole("heading", { name: auditor.name }).waitFor();
  await details.getByTestId("session-row").first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Add" }).count(), 0);
  assert.deepEqual(await details.getByRole("textbox").count(), 0);
  assert.deepEqual(await details.getByRole("button", { name: /Disable|Reset|Password|End|Revoke|Save/ }).count(), 0);
  await places.getByRole("link", { name: "Security" }).click();
  await page.getByText("Your role may look but not change.").waitFor();
  assert.ok(await page.getByRole("checkbox", { name: "Auditor" }).isDisabled());
  await page.goto(`${BASE}/chat`);
  await page.waitForURL(/\/admin\/users/);
  check();
  await close();
});

test("a person is added, takes up the invitation, and the link is void after that", async () => {
  const chief = await open({ user: admin });
  const name = `Ines Test ${Date.now().toString(36)}`;
  const email = `${name.toLowerCase().replaceAll(" ", ".")}@e2e.example`;
  await chief.page.goto(`${BASE}/admin/users`);
  await chief.page.getByTestId("user-row").first().waitFor();
  await chief.page.getByRole("button", { name: "Add" }).click();
  const dialog = chief.page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("E-mail").fill(email);
  await dialog.getByLabel("Role").selectOption("operator");
  await dialog.getByRole("button", { name: "Add" }).click();
  const link = await chief.page.getByRole("textbox", { name: "Link" }).inputValue();
  await chief.page.getByRole("button", { name: "Done" }).click();
  await chief.page.waitForURL(/\/admin\/users\/usr_/);
  const details = chief.page.getByRole("complementary", { name: "User details" });
  await details.getByText("Invited").waitFor();

  const { page, context, check, close } = await open({ allow: [EXPECTED_401, /status of 4(22|04|10)/] });
  await page.goto(BASE + pathOf(link));
  await page.getByLabel("New password").fill("password1234!");
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.locator("[aria-invalid=true]").waitFor();
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.waitForURL(`${BASE}/chat`);
  await page.getByRole("button", { name: `Account of ${name}` }).waitFor();
  await page.goBack().catch(() => undefined);
  assert.ok(!page.url().includes("token="), "the used link is not in the history");

  await context.clearCookies();
  await page.goto("about:blank");
  await page.goto(BASE + pathOf(link));
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.getByRole("heading", { name: "This link is no longer valid" }).waitFor();
  check();
  await close();

  await chief.page.reload();
  await details.getByText("Active").first().waitFor();
  await chief.page.getByRole("textbox", { name: "Find by name or e-mail" }).fill(name);
  await chief.page.waitForURL(/q=Ines/);
  await chief.page.waitForFunction(() => document.querySelectorAll("[data-testid=user-row]").length === 1);
  await chief.page.getByRole("combobox", { name: "Filter by role" }).selectOption("auditor");
  await chief.page.getByText("No user matches").waitFor();
  chief.check();
  await chief.close();
});

test("a session that an administrator ends leaves the other browser at the sign-in page", async () => {
  const user = await hire("operator");
  const theirs = await open({ user, own: true, allow: [EXPECTED_401] });
  await theirs.page.goto(`${BASE}/documents`);
  await theirs.page.getByRole("heading", { name: "Documents" }).waitFor();

  const { page, check, close } = await open({ user: admin });
  await page.goto(`${BASE}/admin/users/${user.id}`);
  const details = page.getByRole("complementary", { name: "User details" });
  // The session in which the invitation was taken up, and that of the browser.
  await details.getByTestId("session-row").filter({ hasText: "Chrome" }).getByRole("button", { name: /^End the session/ }).click();
  await details.getByTestId("session-row").filter({ hasText: "Chrome" }).waitFor({ state: "detached" });
  // Nobody touches the other page: it finds out by itself.
  await theirs.page.waitForURL(/\/sign-in\?return=%2Fdocuments/, { timeout: 45_000 });
  theirs.check();
  await theirs.close();

  // Disabled, the account cannot come back.
  await details.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await details.getByText("Disabled").waitFor();
  const again = await open({ allow: [EXPECTED_401] });
  await again.page.goto(`${BASE}/sign-in`);
  await signIn(again.page, user);
  await again.page.getByTestId("sign-in-error").waitFor();
  await again.close();
  check();
  await close();
});

test("an administrator shows the own second factor before resetting another's", async () => {
  const [user, chief] = await Promise.all([hire("operator").then(withSecondFactor), hire("admin").then(withSecondFactor)]);
  const { page, check, close } = await open({ allow: [EXPECTED_401] });
  await page.goto(`${BASE}/admin/users/${user.id}`);
  await signIn(page, chief);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(chief.codes[0]);
  await page.getByRole("button", { name: "Verify" }).click();
  const details = page.getByRole("complementary", { name: "User details" });
  await details.getByRole("button", { name: "Reset second factor" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Code from your authenticator app").fill(chief.codes[0]);
  await dialog.getByRole("button", { name: "Reset second factor" }).click();
  await dialog.getByText("The code is wrong or came too late").waitFor();
  await dialog.getByLabel("Code from your authenticator app").fill(chief.codes[1]);
  await dialog.getByRole("button", { name: "Reset second factor" }).click();
  await dialog.waitFor({ state: "detached" });
  await details.getByText("Not set up").waitFor();

  // Not the own one, and the last way in is not thrown away by accident: the profile is the place for that.
  await page.goto(`${BASE}/admin/users/${chief.id}`);
  await details.getByRole("heading", { name: chief.name }).waitFor();
  assert.equal(await details.getByRole("button", { name: "Reset second factor" }).count(), 0);
  check();
  await close();

  const again = await open();
  await again.page.goto(`${BASE}/sign-in`);
  await signIn(again.page, user);
  await again.page.waitForURL(`${BASE}/chat`);
  again.check();
  await again.close();
});

test("an API key is shown once, does what its scopes say, and stops when it is revoked", async () => {
  const user = await hire("operator");
  const { page, check, close } = await open({ user, own: true });
  await page.goto(`${BASE}/profile`);
  const section = page.getByRole("region", { name: "API keys" });
  await section.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("ERP export");
  await dialog.getByRole("button", { name: "Create key" }).click();
  await dialog.getByText("Choose at least one scope.").waitFor();
  assert.equal(await dialog.getByRole("checkbox", { name: "Manage users" }).count(), 0, "only what the person may do is offered");
  await dialog.getByRole("checkbox", { name: "Read documents" }).check();
  await dialog.getByLabel("Valid for").selectOption("30");
  await dialog.getByRole("button", { name: "Create key" }).click();
  const key = await dialog.getByRole("textbox", { name: "API key" }).inputValue();
  await dialog.getByRole("button", { name: "Copy" }).click();
  await dialog.getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  await dialog.getByRole("button", { name: "Done" }).click();

  const call = (path, options = {}) => fetch(`${BASE}/api/v1${path}`, { ...options, headers: { authorization: `Bearer ${key}`, ...options.headers } });
  assert.equal((await call("/documents")).status, 200);
  assert.equal((await call("/conversations")).status, 403);

  await page.reload();
  const row = section.getByTestId("key-row");
  await row.getByText("ERP export").waitFor();
  assert.ok(!(await page.content()).includes(key), "the key is shown once");
  await row.getByRole("button", { name: "Revoke ERP export" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await section.locator('[data-testid="key-row"][data-state="revoked"]').waitFor();
  assert.equal((await call("/documents")).status, 401);
  check();
  await close();
});

test("a service account gets its key from an administrator", async () => {
  const { page, check, close } = await open({ user: admin });
  const name = `Line 4 ${Date.now().toString(36)}`;
  await page.goto(`${BASE}/admin/users`);
  await page.getByRole("button", { name: "Add" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /service account/ }).check();
  assert.equal(await dialog.getByLabel("E-mail").count(), 0);
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.waitFor({ state: "detached" });
  const details = page.getByRole("complementary", { name: "User details" });
  await details.getByRole("heading", { name }).waitFor();
  await details.getByRole("button", { name: "Create key" }).click();
  await dialog.getByLabel("Name").fill("metrics");
  await dialog.getByRole("checkbox", { name: "Read the audit log" }).check();
  await dialog.getByRole("button", { name: "Create key" }).click();
  const key = await dialog.getByRole("textbox", { name: "API key" }).inputValue();
  await dialog.getByRole("button", { name: "Done" }).click();
  const response = await fetch(`${BASE}/api/v1/admin/audit?limit=1`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(response.status, 200);
  await details.getByTestId("key-row").getByText("metrics").waitFor();
  check();
  await close();
});

test("the name and the password are changed in the profile; other sessions end with the old password", async () => {
  const user = await hire("viewer");
  const other = await open({ user, own: true, allow: [EXPECTED_401] });
  await other.page.goto(`${BASE}/documents`);
  await other.page.getByRole("heading", { name: "Documents" }).waitFor();

  const { page, check, close } = await open({ user, own: true, allow: [EXPECTED_401, /status of 422/] });
  await page.goto(`${BASE}/profile`);
  await page.getByLabel("Name", { exact: true }).fill("Renamed Person");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Account of Renamed Person" }).waitFor();

  const section = page.getByRole("region", { name: "Password" });
  const change = async (current, next) => {
    await section.getByLabel("Current password").fill(current);
    await section.getByLabel("New password").fill(next);
    await section.getByRole("button", { name: "Change password" }).click();
  };
  await change("not the password", PASSWORD);
  await section.getByText("This is not your current password").waitFor();
  await change(user.password, "passwordpassword");
  await section.locator("[aria-invalid=true]").waitFor();
  await change(user.password, PASSWORD);
  await section.getByText("The password was changed.").waitFor();
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=session-row]").length === 1);
  await page.getByText("This session").waitFor();

  await other.page.getByRole("link", { name: "Chat" }).click();
  // At once, or if the page asked within the second before, when it looks after its session.
  await other.page.waitForURL(/\/sign-in/, { timeout: 45_000 });
  await signIn(other.page, { email: user.email, password: PASSWORD });
  await other.page.waitForURL(/\/chat/);
  other.check();
  await other.close();
  check();
  await close();
});

test("too many wrong passwords count down until the next attempt", async () => {
  const user = await hire("viewer");
  const { page, check, close } = await open({ allow: [EXPECTED_401, /status of 429/] });
  await page.goto(`${BASE}/sign-in`);
  await page.getByLabel("E-mail").fill(user.email);
  for (let tries = 0; tries < 20; tries += 1) {
    await page.getByLabel("Password", { exact: true }).fill(`wrong password ${tries}`);
    const answer = page.waitForResponse(/auth\/login$/);
    await page.getByRole("button", { name: "Sign in" }).click();
    if ((await answer).status() === 429) break;
    await page.getByTestId("sign-in-error").waitFor();
  }
  const wait = page.getByText(/Try again in \d+:\d\d/);
  await wait.waitFor();
  assert.ok(await page.getByRole("button", { name: "Sign in" }).isDisabled());
  const first = await wait.innerText();
  await page.waitForFunction((text) => !document.body.innerText.includes(text), first.trim());
  check();
  await close();
});
