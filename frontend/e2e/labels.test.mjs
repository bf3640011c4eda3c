import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, answered, api, apiJson, ask, closeBrowser, documentReady, open, person } from "./lib/harness.mjs";
import { askLower, cleared, uploadNote } from "./lib/labels.mjs";

after(closeBrowser);

const requestOf = (page, document) => page.getByTestId("label-request").filter({ hasText: document.name }).first();

async function labelOf(user, { id }) {
  const { classification, export_control, groups, integrity } = await (await api(user, `/documents/${id}`)).json();
  return { classification, export_control, groups, integrity };
}

async function openLabel(page, document) {
  await page.goto(`${BASE}/documents/${document.id}`);
  await page.getByRole("button", { name: "Change label" }).click();
  await page.getByRole("dialog").waitFor();
}

test("a higher label holds at once and shows everywhere", async () => {
  const operator = await cleared("operator", { export_authorisations: ["EAR"], groups: ["line-4"] });
  const document = await uploadNote(operator);
  const { page, check, close } = await open({ user: operator });
  await openLabel(page, document);
  const dialog = page.getByRole("dialog");
  assert.ok(await dialog.getByRole("button", { name: "Change label" }).isDisabled(), "the present label is no change");
  await dialog.getByRole("radio", { name: "Confidential" }).check();
  await dialog.getByLabel("Export regimes").fill("EAR");
  await dialog.getByText("“EAR” is not of the form").waitFor();
  await dialog.getByLabel("Export regimes").fill("EAR:3A001");
  await dialog.getByLabel("Groups").fill("line-4");
  await dialog.getByText("It holds at once").waitFor();
  assert.equal(await dialog.getByLabel("Reason").count(), 0);
  await dialog.getByRole("button", { name: "Change label" }).click();
  await dialog.waitFor({ state: "detached" });
  const label = page.getByRole("complementary", { name: "Document details" }).getByTestId("label").first();
  await label.getByText("Confidential").waitFor();
  assert.match(await label.innerText(), /EAR:3A001[\s\S]*line-4/);
  assert.deepEqual(await labelOf(operator, document), { classification: "CONFIDENTIAL", export_control: ["EAR:3A001"], groups: ["line-4"], integrity: "untrusted" });
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByTestId("document-row").filter({ hasText: document.name }).getByText("Confidential").filter({ visible: true }).waitFor();
  check();
  await close();
});

test("a label above one's own clearance is refused with the reason, what would allow it, and who can", async () => {
  const operator = await cleared("operator", { clearance: "CONFIDENTIAL" });
  const document = await uploadNote(operator);
  const { page, check, close } = await open({ user: operator, allow: [/status of 403/] });
  await openLabel(page, document);
  await page.getByRole("radio", { name: "Restricted" }).check();
  await page.getByRole("dialog").getByRole("button", { name: "Change label" }).click();
  const problem = page.getByTestId("problem");
  await problem.waitFor();
  assert.equal(await problem.getAttribute("data-code"), "label_denied");
  const text = await problem.innerText();
  for (const part of ["label_denied", "The label is above your own clearance.", "What would allow it", "Who can allow it", "Trace"]) assert.ok(text.includes(part), `${part}: ${text}`);
  await problem.getByRole("button", { name: /Copy Trace/ }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^[0-9a-f]{32}$/);
  check();
  await close();
});

test("a lower label is asked for with a reason, and another administrator approves it", async () => {
  const asker = await cleared("admin");
  const decider = await cleared("admin");
  const document = await uploadNote(asker, { classification: "CONFIDENTIAL" });

  const first = await open({ user: asker });
  await openLabel(first.page, document);
  const dialog = first.page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Internal" }).check();
  await dialog.getByText("Another person has to agree").waitFor();
  await dialog.getByLabel("Reason").fill("It was published last week.");
  await dialog.getByRole("button", { name: "Ask for it" }).click();
  const pending = first.page.getByTestId("pending-request");
  await pending.waitFor();
  assert.match(await pending.innerText(), /It was published last week/);
  assert.equal((await labelOf(asker, document)).classification, "CONFIDENTIAL");
  await pending.getByRole("link", { name: "To the label requests" }).click();
  await first.page.waitForURL(/\/admin\/label-requests\?status=pending/);
  const own = requestOf(first.page, document);
  await own.getByTestId("own-request").waitFor();
  assert.equal(await own.getByRole("button", { name: "Approve" }).count(), 0, "nobody decides their own");
  first.check();
  await first.close();

  const second = await open({ user: decider });
  await second.page.goto(`${BASE}/admin/label-requests?status=pending`);
  const request = requestOf(second.page, document);
  const [reject, approve] = await Promise.all(["Reject", "Approve"].map((name) => request.getByRole("button", { name }).boundingBox()));
  assert.ok(approve.x - (reject.x + reject.width) > 100, "the two are far apart");
  await request.getByRole("button", { name: "Approve" }).click();
  await second.page.getByLabel("Reason of the decision").fill("Checked the web site.");
  await second.page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await request.waitFor({ state: "detached" });
  await second.page.getByRole("combobox", { name: "Filter by status" }).selectOption("approved");
  await second.page.waitForURL(/status=approved/);
  assert.match(await requestOf(second.page, document).innerText(), /Approved[\s\S]*Checked the web site/);
  assert.equal((await labelOf(asker, document)).classification, "INTERNAL");
  second.check();
  await second.close();
});

test("a rejected request leaves the label; an operator sees requests and decides none", async () => {
  const operator = await cleared("operator");
  const decider = await cleared("admin");
  const document = await uploadNote(operator, { classification: "CONFIDENTIAL" });
  await askLower(operator, document, "PUBLIC");
  const { page, check, close } = await open({ user: decider });
  await page.goto(`${BASE}/admin/label-requests?status=pending`);
  await requestOf(page, document).getByRole("button", { name: "Reject" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await requestOf(page, document).waitFor({ state: "detached" });
  assert.equal((await labelOf(operator, document)).classification, "CONFIDENTIAL");
  check();
  await close();

  const third = await open({ user: operator });
  await third.page.goto(`${BASE}/admin/label-requests`);
  assert.match(await requestOf(third.page, document).innerText(), /Rejected/);
  assert.equal(await third.page.getByRole("button", { name: "Approve" }).count(), 0);
  assert.deepEqual(await third.page.getByRole("navigation", { name: "Administration" }).getByRole("link").allInnerTexts(), ["Label requests"]);
  third.check();
  await third.close();
});

test("a file is sent with its export regimes and groups", async () => {
  const operator = await cleared("operator", { export_authorisations: ["ITAR"], groups: ["hr"] });
  const { page, check, close } = await open({ user: operator });
  const name = `Drawing ${Date.now()}.md`;
  await page.goto(`${BASE}/documents`);
  await page.getByRole("button", { name: "Upload" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Choose files").last().setInputFiles({ name, mimeType: "text/markdown", buffer: Buffer.from("# Drawing\n\nThe shaft measures 40 mm.\n") });
  await dialog.getByLabel("Groups").fill("HR");
  await dialog.getByText("“HR” is no group").waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Upload 1 file" }).isDisabled());
  await dialog.getByLabel("Groups").fill("hr");
  await dialog.getByLabel("Export regimes").fill("ITAR");
  await dialog.getByRole("button", { name: "Upload 1 file" }).click();
  const { id } = await documentReady(operator, name);
  assert.deepEqual(await labelOf(operator, { id }), { classification: "INTERNAL", export_control: ["ITAR"], groups: ["hr"], integrity: "untrusted" });
  assert.equal((await api(person("viewer"), `/documents/${id}`)).status, 404, "who is not authorised does not find it");
  check();
  await close();
});

test("an answer made from what is above one's clearance by now is withheld", async () => {
  const viewer = await cleared("viewer", { clearance: "CONFIDENTIAL" });
  const operator = await cleared("operator");
  const word = `Zephyr${Date.now()}`;
  await uploadNote(operator, { classification: "CONFIDENTIAL" }, `The ${word} press needs a torque of 63 Nm at its coupling bolts.`);
  const { page, check, close } = await open({ user: viewer });
  await page.goto(`${BASE}/chat`);
  await ask(page, `What torque does the ${word} press need at its coupling bolts?`);
  await answered(page);
  await page.waitForURL(/\/chat\/cnv_/);
  const answer = page.getByTestId("answer");
  assert.match(await answer.innerText(), /63 Nm/);
  await answer.getByTestId("answer-facts").getByText("Confidential").waitFor();

  const response = await apiJson(person("admin"), "PATCH", `/admin/users/${viewer.id}`, { clearance: "INTERNAL" });
  assert.equal(response.status, 200);
  await page.reload();
  const withheld = answer.getByTestId("withheld");
  await withheld.waitFor();
  assert.match(await withheld.innerText(), /above your clearance by now[\s\S]*Confidential/);
  assert.doesNotMatch(await page.locator("main").innerText(), /63 Nm/);
  check();
  await close();
});

test("an administrator gives clearance, and cannot raise their own", async () => {
  const operator = await cleared("operator", { clearance: "INTERNAL" });
  const admin = await cleared("admin", { clearance: "INTERNAL" });
  const { page, check, close } = await open({ user: admin, allow: [/status of 403/] });
  await page.goto(`${BASE}/admin/users/${operator.id}`);
  const section = page.getByRole("region", { name: "Clearance" });
  await section.getByLabel("May read up to").selectOption("CONFIDENTIAL");
  await section.getByLabel("Export authorisations").fill("EAR, ITAR");
  await section.getByLabel("Groups").fill("hr");
  await section.getByRole("button", { name: "Save clearance" }).click();
  await section.getByRole("button", { name: "Save clearance" }).waitFor({ state: "detached" });
  const { clearance, export_authorisations, groups } = await (await api(person("admin"), `/admin/users/${operator.id}`)).json();
  assert.deepEqual({ clearance, export_authorisations, groups }, { clearance: "CONFIDENTIAL", export_authorisations: ["EAR", "ITAR"], groups: ["hr"] });

  await page.goto(`${BASE}/admin/users/${admin.id}`);
  await section.getByText("only another administrator can raise it").waitFor();
  assert.deepEqual(await section.getByLabel("May read up to").locator("option").allInnerTexts(), ["Public", "Internal"]);
  await section.getByLabel("Groups").fill("hr");
  await section.getByRole("button", { name: "Save clearance" }).click();
  await section.getByTestId("problem").waitFor();
  assert.match(await section.getByTestId("problem").innerText(), /Nobody raises their own clearance/);
  check();
  await close();
});
