import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { after, test } from "node:test";
import { BASE, PDF, api, checkAccessibility, closeBrowser, documentReady, open, person } from "./lib/harness.mjs";

after(closeBrowser);

const operator = person("operator");

async function deleteByName(name) {
  const list = await (await api(operator, `/documents?limit=200&q=${encodeURIComponent(name)}`)).json();
  for (const document of list.items.filter((item) => item.name === name)) await api(operator, `/documents/${document.id}`, { method: "DELETE" });
}

test("an uploaded PDF shows its stages and becomes ready; a second upload is its next version; delete takes it away", async () => {
  assert.ok(PDF, "MILLWRIGHT_E2E_PDF names a real PDF");
  const name = `e2e ${basename(PDF)}`;
  await deleteByName(name);
  const { page, check, close } = await open({ user: operator });
  const file = { name, mimeType: "application/pdf", buffer: readFileSync(PDF) };

  await page.goto(`${BASE}/documents`);
  await page.getByRole("button", { name: "Upload" }).first().click();
  await page.getByLabel("Choose files").last().setInputFiles(file);
  await page.getByRole("radio", { name: "Confidential" }).check();
  await page.getByRole("button", { name: "Upload 1 file" }).click();

  // Every stage that the row shows until it is ready.
  const upload = page.getByTestId("upload");
  await upload.waitFor();
  const seen = new Set();
  for (const end = Date.now() + 120_000; Date.now() < end; ) {
    const stage = await upload.getByTestId("stage").getAttribute("data-stage", { timeout: 50 }).catch(() => null);
    if (stage !== null) seen.add(stage);
    if (/Ready/.test(await upload.innerText())) break;
    await page.waitForTimeout(20);
  }
  assert.match(await upload.innerText(), /Ready/);
  assert.ok(seen.has("embed"), `stages were shown: ${[...seen].join(", ")}`);

  const row = page.getByTestId("document-row").filter({ hasText: name });
  assert.match(await row.innerText(), /Confidential/);
  await row.getByRole("link").click();
  await page.waitForURL(/\/documents\/doc_[0-9a-f]{32}/);
  await page.getByTestId("version").first().waitFor();
  assert.equal(await page.getByTestId("version").count(), 1);

  await page.getByRole("tab", { name: "Passages" }).click();
  await page.getByRole("link", { name: "Show on the page" }).first().click();
  await page.locator(".textLayer mark").first().waitFor();

  const same = await api(operator, "/documents/upload", { method: "POST", body: formOf(file) });
  assert.equal(same.status, 200, "the same bytes are no next version");
  const revised = { ...file, buffer: Buffer.concat([file.buffer, Buffer.from("\n% revised\n")]) };
  await api(operator, "/documents/upload", { method: "POST", body: formOf(revised) });
  await documentReady(operator, name);
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Version 2" }).waitFor();
  assert.equal(await page.getByText("Answers come from this one").count(), 1);
  await page.getByRole("button", { name: "How version 2 was read" }).click();
  await page.getByTestId("manifest").getByText("Unchanged since it was read").waitFor();
  await checkAccessibility(page, "how a version was read");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Document actions" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/documents(\?.*)?$/);
  await page.getByTestId("document-row").filter({ hasText: name }).waitFor({ state: "detached" });
  check();
  await close();
});

function formOf({ name, mimeType, buffer }) {
  const form = new FormData();
  form.set("classification", "CONFIDENTIAL");
  form.set("file", new Blob([buffer], { type: mimeType }), name);
  return form;
}

test("a file of another kind is refused in place with its code, and can be dismissed", async () => {
  const { page, check, close } = await open({ user: operator, allow: [/status of 4(15|22)/] });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("button", { name: "Upload" }).first().click();
  await page.getByLabel("Choose files").last().setInputFiles({ name: "setup.pdf", mimeType: "application/pdf", buffer: Buffer.from("MZ\x90\x00\x03\x00\x00\x00\xff\xfe\x00\x01") });
  await page.getByRole("button", { name: "Upload 1 file" }).click();
  const problem = page.getByTestId("upload").getByTestId("problem");
  await problem.waitFor();
  assert.match(await problem.innerText(), /unsupported_media_type|document_unreadable/);
  await page.getByTestId("upload").getByRole("button", { name: "Dismiss" }).click();
  await page.getByTestId("upload").waitFor({ state: "detached" });
  check();
  await close();
});

test("files dropped on the page open the upload with them", async () => {
  const { page, check, close } = await open({ user: operator });
  await page.goto(`${BASE}/documents`);
  await page.getByRole("heading", { name: "Documents" }).waitFor();
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["# Note"], "dropped note.md", { type: "text/markdown" }));
    return data;
  });
  await page.locator("main").dispatchEvent("dragenter", { dataTransfer: transfer });
  await page.getByText("Drop to upload").waitFor();
  await page.locator("main").dispatchEvent("drop", { dataTransfer: transfer });
  await page.getByRole("dialog").getByText("dropped note.md").waitFor();
  check();
  await close();
});

test("search and status are in the address, and an empty result says so", async () => {
  const { page, check, close } = await open({ user: operator });
  await page.goto(`${BASE}/documents`);
  await page.getByTestId("document-row").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("no document has this name");
  await page.getByText("No document matches").waitFor();
  assert.match(page.url(), /q=no/);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByTestId("document-row").first().waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Find by name" }).inputValue(), "");
  check();
  await close();
});
