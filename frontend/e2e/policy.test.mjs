import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, apiJson, closeBrowser, open, person } from "./lib/harness.mjs";
import { hire, nextCode, withSecondFactor } from "./lib/people.mjs";

after(closeBrowser);

const GOOD = `@id("no-upload-at-all")\n@reason("uploads are closed during the audit")\n@remedy("wait until the audit is over")\nforbid (principal, action == Action::"document.upload", resource);\n`;

test("shipped files are read only; own ones are looked over while they are written", async () => {
  const { page, check, close } = await open({ user: person("admin") });
  await page.goto(`${BASE}/admin/policy`);
  await page.getByRole("button", { name: "sink.cedar" }).click();
  await page.getByText("Ships with Millwright and cannot be changed.").waitFor();
  assert.equal(await page.getByTestId("policy-editor").count(), 0);

  await page.getByRole("button", { name: "Add a file" }).click();
  const editor = page.getByTestId("policy-editor");
  await editor.fill("permit (principal, action, resource);\n");
  const error = page.locator("[data-testid=finding][data-severity=error]").first();
  await error.waitFor();
  assert.ok(await page.getByRole("button", { name: "Store as a version" }).isDisabled(), "files with errors are not stored");
  await editor.fill(GOOD);
  await error.waitFor({ state: "detached" });
  assert.ok(await page.getByRole("button", { name: "Store as a version" }).isEnabled());
  check();
  await close();
});

test("a version is stored, compared, tested, replayed and activated with a code", async () => {
  const { page, check, close } = await open({ user: person("admin") });
  await page.goto(`${BASE}/admin/policy`);
  await page.getByRole("button", { name: "Add a file" }).click();
  await page.getByTestId("policy-editor").fill(GOOD);

  await page.getByRole("tab", { name: "Test" }).click();
  await page.getByRole("button", { name: "Run cases" }).click();
  const report = page.getByTestId("case-report");
  await report.waitFor();
  assert.match(await report.innerText(), /passed/);

  await page.getByRole("tab", { name: "Replay" }).click();
  await page.getByRole("combobox", { name: "How far back" }).selectOption("7");
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByTestId("replay").waitFor();

  await page.getByRole("tab", { name: "Files" }).click();
  await page.getByRole("button", { name: "Store as a version" }).click();
  const note = `No uploads ${Date.now()}`;
  await page.getByLabel("What it is for").fill(note);
  await page.getByRole("dialog").getByRole("button", { name: "Store as a version" }).click();
  await page.waitForURL(/tab=versions&version=\d+/);
  await page.getByTestId("file-diff").locator("[data-kind=added]").first().waitFor();
  const address = page.url();
  check();
  await close();

  const admin = await withSecondFactor(await hire("admin"));
  const second = await open();
  await second.page.goto(address);
  await second.page.getByLabel("E-mail").fill(admin.email);
  await second.page.getByLabel("Password", { exact: true }).fill(admin.password);
  await second.page.getByRole("button", { name: "Sign in" }).click();
  await second.page.getByLabel("Code", { exact: true }).fill(await nextCode(admin.secret));
  await second.page.getByRole("button", { name: "Verify" }).click();
  await second.page.waitForURL(address);
  const activate = async (url, code) => {
    await second.page.goto(url);
    await second.page.getByRole("button", { name: "Activate" }).click();
    await second.page.getByLabel("Code from your authenticator app").fill(code);
    await second.page.getByRole("dialog").getByRole("button", { name: "Activate" }).click();
    await second.page.getByRole("dialog").waitFor({ state: "detached" });
  };
  await activate(address, admin.codes[0]);
  const row = second.page.getByTestId("policy-version").filter({ hasText: note });
  await row.getByText("In force").waitFor();
  await second.page.getByText("This version is in force.").waitFor();
  second.check();

  // Back to nothing of one's own, so that other tests find the policy as it ships.
  const { number } = await (await apiJson(person("admin"), "POST", "/policy/versions", { files: [], note: "Nothing of our own" })).json();
  await activate(`${BASE}/admin/policy?tab=versions&version=${number}`, admin.codes[1]);
  await second.page.getByText(`Own files: version ${number}`).waitFor();
  await second.close();
});

test("decisions and events are there, and events are filtered in the address", async () => {
  const { page, check, close } = await open({ user: person("admin") });
  await page.goto(`${BASE}/admin/policy?tab=decisions`);
  await page.getByTestId("decision-row").first().getByRole("button").click();
  await page.getByRole("region", { name: "What was decided on" }).waitFor();
  await page.getByRole("tab", { name: "Events" }).click();
  await page.getByRole("combobox", { name: "Filter by kind" }).selectOption("output_withheld");
  await page.waitForURL(/kind=output_withheld/);
  check();
  await close();
});

test("an auditor reads the policy and changes nothing", async () => {
  const { page, check, close } = await open({ user: person("auditor") });
  await page.goto(`${BASE}/admin/policy`);
  await page.getByRole("button", { name: "read.cedar" }).click();
  assert.equal(await page.getByRole("button", { name: "Add a file" }).count(), 0);
  await page.goto(`${BASE}/admin/personal-data`);
  await page.getByText("Your role may look but not change.").waitFor();
  assert.ok(await page.getByRole("combobox").first().isDisabled());
  assert.equal(await page.getByRole("button", { name: "Save" }).count(), 0);
  check();
  await close();
});
