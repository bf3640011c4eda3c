// Days on which documents hold, tags, documents that take the place of others, and questions about another day.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BASE, NARROW, api, answered, ask, checkAccessibility, checkNoOverflow, closeBrowser, documentReady, forgetConversations, open, person } from "./lib/harness.mjs";

after(closeBrowser);

const operator = person("operator");
const day = (offset) => {
  const date = new Date(Date.now() + offset * 86_400_000);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
};
const file = (name, limit) => ({
  name,
  mimeType: "text/markdown",
  buffer: Buffer.from(`# Spindle drive SD-7\n\nThe alarm limit of spindle drive SD-7 is ${limit} degrees Celsius.\n`),
});

async function deleteAll(names) {
  for (const name of names) {
    const list = await (await api(operator, `/documents?limit=200&q=${encodeURIComponent(name)}`)).json();
    for (const document of list.items) await api(operator, `/documents/${document.id}`, { method: "DELETE" });
  }
}

async function upload(page, chosen, { tags, from }) {
  await page.goto(`${BASE}/documents`);
  await page.getByRole("button", { name: "Upload" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Choose files").last().setInputFiles(chosen);
  if (tags !== undefined) await dialog.getByLabel("Tags").fill(tags);
  if (from !== undefined) await dialog.getByLabel("Holds from").fill(from);
  await checkAccessibility(page, "upload with a description");
  await dialog.getByRole("button", { name: "Upload 1 file" }).click();
  await documentReady(operator, chosen.name);
}

test("a version holds from its day, is found by its tag, and what held before answers for that day", async () => {
  const name = "spindle limits.md";
  await deleteAll([name]);
  await forgetConversations(operator);
  const { page, check, close } = await open({ user: operator });
  await upload(page, file(name, 95), { tags: "Spindle, hall 7", from: day(-40) });
  await upload(page, file(name, 80), { from: day(-10) });

  await page.getByTestId("document-row").filter({ hasText: name }).getByRole("link").click();
  await page.getByTestId("version").nth(1).waitFor();
  await page.getByTestId("version").nth(0).getByText("Answers come from this one").waitFor();
  await page.getByTestId("version").nth(1).getByText("Superseded").waitFor();
  await page.getByRole("link", { name: "hall 7" }).click();
  await page.getByTestId("tag-filter").waitFor();
  // The list before stays until the new one is there.
  await page.getByTestId("document-row").nth(1).waitFor({ state: "detached" });
  await page.getByTestId("document-row").filter({ hasText: name }).waitFor();

  await page.goto(`${BASE}/chat`);
  const askAbout = async (question, asOf) => {
    if (asOf !== undefined) {
      await page.getByRole("button", { name: "Ask about another day" }).click();
      await page.getByTestId("as-of").fill(asOf);
      await checkAccessibility(page, "composer with a day");
    }
    await page.getByLabel("Ask about your documents").fill(question);
    await page.keyboard.press("Enter");
  };
  await askAbout("What is the alarm limit of spindle drive SD-7?");
  await answered(page);
  assert.match(await page.getByTestId("answer").last().innerText(), /80 degrees/);
  await askAbout("What was the alarm limit of spindle drive SD-7?", day(-20));
  await page.getByTestId("as-of-note").waitFor();
  await answered(page);
  assert.match(await page.getByTestId("answer").last().innerText(), /95 degrees/);
  await page.reload();
  await page.getByTestId("as-of-note").waitFor();
  await checkAccessibility(page, "an answer for another day");
  check();
  await close();
  await deleteAll([name]);
});

test("documents that contradict each other are shown, until one takes the place of the other", async () => {
  const names = ["drive rev a.md", "drive rev b.md"];
  await deleteAll(names);
  const { page, check, close } = await open({ user: operator, viewport: NARROW });
  await upload(page, file(names[0], 70), {});
  await upload(page, file(names[1], 75), {});
  await page.goto(`${BASE}/chat`);
  await ask(page, "What is the alarm limit of spindle drive SD-7?");
  await answered(page);
  const conflicts = page.getByTestId("conflicts");
  await conflicts.waitFor();
  for (const said of ["70 degrees", "75 degrees", ...names]) assert.ok((await conflicts.innerText()).includes(said), said);
  await checkAccessibility(page, "documents that contradict each other");
  await checkNoOverflow(page, "documents that contradict each other");
  await page.reload();
  await conflicts.waitFor();

  await page.goto(`${BASE}/documents`);
  await page.getByTestId("document-row").filter({ hasText: names[1] }).getByRole("link").click();
  await page.getByRole("button", { name: "Describe" }).click();
  const dialog = page.getByRole("dialog").last();
  await dialog.getByLabel("Takes the place of").fill("no such document");
  await dialog.getByText("There is no document of this name").waitFor();
  await dialog.getByLabel("Takes the place of").fill(names[0]);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByTestId("supersedes").waitFor();
  await checkAccessibility(page, "a document that takes another's place");
  await checkNoOverflow(page, "a document that takes another's place");
  await page.getByTestId("supersedes").getByRole("link", { name: names[0] }).click();
  await page.getByTestId("superseded-by").waitFor();
  await page.getByTestId("version").first().getByText("Superseded").waitFor();

  await page.goto(`${BASE}/chat`);
  await ask(page, "What is the alarm limit of spindle drive SD-7 today?");
  await answered(page);
  assert.match(await page.getByTestId("answer").last().innerText(), /75 degrees/);
  assert.equal(await conflicts.count(), 0);
  check();
  await close();
  await deleteAll(names);
});
