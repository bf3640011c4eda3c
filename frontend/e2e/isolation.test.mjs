import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, answered, api, ask, closeBrowser, open, person } from "./lib/harness.mjs";

after(closeBrowser);

test("another tenant's documents, conversations and log are not there", async () => {
  const own = person("operator");
  const foreign = person("admin", 1);
  const [document] = (await (await api(own, "/documents?status=ready")).json()).items;
  assert.ok(document, "the first tenant has a document");
  const first = await open({ user: own });
  await first.page.goto(`${BASE}/chat`);
  await ask(first.page, `What does ${document.name} describe?`);
  await first.page.waitForURL(/\/chat\/cnv_/);
  await answered(first.page);
  const conversation = first.page.url();
  await first.close();

  const { page, close } = await open({ user: foreign, allow: [/status of 404/] });
  await page.goto(conversation);
  await page.getByText("There is no such conversation").waitFor();
  await page.goto(`${BASE}/documents/${document.id}`);
  await page.getByText("There is no such document").waitFor();
  await page.goto(`${BASE}/documents?q=${encodeURIComponent(document.name)}`);
  await page.getByText("No document matches").waitFor();
  await page.goto(`${BASE}/admin/audit?resource_id=${document.id}`);
  await page.getByText("No entry matches the filters").waitFor();
  await close();
});
