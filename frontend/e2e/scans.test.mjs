// A scanned document, seen by its reader: its words are marked on the picture.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { BASE, api, checkAccessibility, closeBrowser, documentReady, open, person } from "./lib/harness.mjs";
import { scanOf } from "./lib/scan.mjs";

after(closeBrowser);

const operator = person("operator");
const skip = spawnSync("tesseract", ["--version"]).status !== 0 && "tesseract is not installed";

test("a scan is read, says so, and a passage is marked where its words stand on the picture", { skip }, async () => {
  // What a run that failed left behind would be the same bytes.
  const left = await (await api(operator, "/documents?limit=200&q=e2e%20scan.pdf")).json();
  for (const { id } of left.items) await api(operator, `/documents/${id}`, { method: "DELETE" });
  const { pdf, places } = await scanOf(["Maintenance of the settling tank", "The scraper chain of the settling tank is tightened to 40 mm of slack every four weeks, and its links are looked at for wear."]);
  const form = new FormData();
  form.set("file", new Blob([pdf], { type: "application/pdf" }), "e2e scan.pdf");
  const uploaded = await api(operator, "/documents/upload", { method: "POST", body: form });
  assert.equal(uploaded.status, 202, await uploaded.text());
  const document = await documentReady(operator, "e2e scan.pdf");
  const { page, check, close } = await open({ user: operator });

  await page.goto(`${BASE}/documents/${document.id}`);
  await page.getByText("1 page read by text recognition").waitFor();
  await page.getByRole("tab", { name: "Passages" }).click();
  await page.getByRole("link", { name: "Show on the page" }).first().click();
  await page.locator(".wordBoxes mark").first().waitFor();
  const sheet = await page.locator(".pdf-page").boundingBox();
  const marks = await page.locator(".wordBoxes mark").evaluateAll((all) => all.map((mark) => mark.getBoundingClientRect().toJSON()));
  const shares = marks.map(({ x, y, width, height }) => ({ left: (x - sheet.x) / sheet.width, top: (y - sheet.y) / sheet.height, right: (x + width - sheet.x) / sheet.width, bottom: (y + height - sheet.y) / sheet.height }));
  // The passage holds both paragraphs: the marks begin where the first begins and end where the second ends, line by line.
  const edge = (boxes, side, pick) => pick(...boxes.map((box) => box[side]));
  for (const [side, pick] of [["left", Math.min], ["top", Math.min], ["right", Math.max], ["bottom", Math.max]]) {
    const [seen, wanted] = [edge(shares, side, pick), edge(places, side, pick)];
    assert.ok(Math.abs(seen - wanted) < 0.015, `${side}: marked to ${seen}, drawn to ${wanted}`);
  }
  assert.ok(marks.length >= 3 && marks.length <= 6, `${marks.length} lines are marked`);
  if (process.env.MILLWRIGHT_SHOTS !== undefined) await page.screenshot({ path: `${process.env.MILLWRIGHT_SHOTS}/scan.png` });
  await checkAccessibility(page, "a marked scan");
  await page.getByRole("button", { name: "Text", exact: true }).click();
  await page.getByText("This text was recognised from a picture").waitFor();
  check();
  await close();
  await api(operator, `/documents/${document.id}`, { method: "DELETE" });
});
