// Watched folders: one is added, its files become documents, both clocks are shown, a stale one says so, and it is taken away.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";

async function shot(page, name) {
  if (process.env.MILLWRIGHT_SHOTS !== undefined) await page.screenshot({ path: `${process.env.MILLWRIGHT_SHOTS}/${name}.png` });
}

let stop = async () => {};
let closeBrowser = async () => {};
after(async () => {
  await closeBrowser();
  await stop();
});

test("an administrator has a folder watched and sees how fresh it is", { skip }, async () => {
  const folder = newFolder();
  const root = join(folder, "watch");
  mkdirSync(root);
  const started = await startServer(folder, await freePort(), { WATCH_ROOT: root });
  stop = started.stop;
  const { BASE, api, checkAccessibility, open, person } = started.harness;
  closeBrowser = started.harness.closeBrowser;
  const admin = person("admin");
  const { folder: own } = await (await api(admin, "/sources")).json();
  const share = join(root, own, "manuals");
  mkdirSync(share, { recursive: true });
  writeFileSync(join(share, "e2e-gearbox.md"), "# Gearbox\n\nThe gearbox G-9 takes 12 litres of oil.\n");
  writeFileSync(join(share, "photo.png"), "\u{89}PNG");
  chmodSync(share, 0o755);

  const { page, check, close } = await open({ user: admin, allow: [/status of 4(09|22)/] });
  await page.goto(`${BASE}/admin/sources`);
  await page.getByText("No folder is watched").waitFor();
  await checkAccessibility(page, "sources-none");
  await page.getByRole("button", { name: "Watch a folder" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Watch a folder" }).click();
  await dialog.getByText("Enter a name.").waitFor();
  await dialog.getByLabel("Name", { exact: true }).fill("E2E manuals");
  await dialog.getByLabel("Path", { exact: true }).fill("../elsewhere");
  await dialog.getByRole("button", { name: "Watch a folder" }).click();
  await dialog.getByTestId("problem").waitFor();
  await shot(page, "sources-add");
  await checkAccessibility(page, "sources-add");
  await dialog.getByLabel("Path", { exact: true }).fill("manuals");
  await dialog.getByRole("button", { name: "Watch a folder" }).click();

  const row = page.getByTestId("source-row").filter({ hasText: "E2E manuals" });
  await row.getByText("1 document").waitFor();
  await row.getByText("Fresh").waitFor();
  await row.getByRole("button", { name: "1 left out" }).click();
  await page.getByRole("dialog").getByText("photo.png").waitFor();
  await page.getByRole("dialog").getByText("Not a format that is read here").waitFor();
  await page.keyboard.press("Escape");
  await shot(page, "sources");
  await checkAccessibility(page, "sources");

  // By keyboard: the row, then its button.
  writeFileSync(join(share, "second.md"), "# Second\n\nThe fan F-2 turns at 900 rpm.\n");
  await page.keyboard.press("j");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-testid")), "source-row");
  await row.getByRole("button", { name: "Look through E2E manuals now" }).focus();
  await page.keyboard.press("Enter");
  await row.getByText("2 documents").waitFor();
  await row.getByRole("button", { name: "Look through E2E manuals now" }).waitFor();

  await page.goto(`${BASE}/documents?q=gearbox`);
  await page.getByTestId("document-row").filter({ hasText: "e2e-gearbox.md" }).getByRole("link").click();
  await page.getByTestId("from-source").waitFor();
  await page.getByRole("button", { name: "Document actions" }).click();
  await page.getByRole("menuitem", { name: "Reindex" }).waitFor();
  assert.equal(await page.getByRole("menuitem", { name: "Delete" }).count(), 0, "it is there as long as its file is");
  await page.keyboard.press("Escape");

  await page.goto(`${BASE}/admin/sources`);
  await row.getByRole("button", { name: "Change E2E manuals" }).click();
  await dialog.getByLabel("Name", { exact: true }).fill("E2E plant");
  await dialog.getByRole("button", { name: "Save" }).click();
  const renamed = page.getByTestId("source-row").filter({ hasText: "E2E plant" });
  await renamed.getByRole("button", { name: "Stop watching E2E plant" }).click();
  await page.getByRole("alertdialog").or(page.getByRole("dialog")).getByRole("button", { name: "Stop watching" }).click();
  await renamed.waitFor({ state: "detached" });
  const { items } = await (await api(admin, "/documents?q=gearbox")).json();
  assert.equal(items.length, 0, "its documents are hidden at once");
  check();
  await close();
});

test("a stale clock is told as such", { skip }, async () => {
  const { BASE, checkAccessibility, open, person } = await import("./lib/harness.mjs");
  const { page, check, close } = await open({ user: person("admin") });
  const clock = { checked_at: "2026-01-01T00:00:00Z", due_at: "2999-01-01T00:00:00Z", running: false, started_at: "2026-01-01T00:00:00Z", finished_at: "2026-01-01T00:00:01Z", took_ms: 1000, report: { seen: 3 }, failure: null };
  const failed = { ...clock, failure: { code: "folder_missing", detail: "the folder is not there; it may be a share that is not mounted" } };
  const source = { id: `src_${"0".repeat(32)}`, name: "Lost share", path: "lost", classification: "INTERNAL", export_control: [], integrity: "untrusted", groups: [], tags: [], group_map: null, content_interval_s: 900, permission_interval_s: 300, permission_max_age_s: 3600, stale: true, fresh_until: "2026-01-01T01:00:00Z", document_count: 3, hidden_count: 0, contents: failed, permissions: failed, created_at: clock.checked_at, updated_at: clock.checked_at };
  const waiting = { ...clock, checked_at: null, failure: { code: "documents_waiting", detail: "many documents wait to be read; the next pass takes in more" } };
  const large = { ...source, id: `src_${"1".repeat(32)}`, name: "Large share", path: "large", group_map: { 2000: "hr" }, stale: false, fresh_until: "2999-01-01T00:00:00Z", contents: waiting, permissions: clock };
  await page.route("**/api/v1/sources", (route) => route.fulfill({ json: { items: [source, large], folder: "ten_x" } }));
  await page.goto(`${BASE}/admin/sources`);
  const row = page.getByTestId("source-row").filter({ hasText: "Lost share" });
  await row.getByText("Stale: hidden").waitFor();
  await row.getByTestId("source-failure").last().waitFor();
  const full = page.getByTestId("source-row").filter({ hasText: "Large share" });
  await full.getByTestId("source-waiting").last().waitFor();
  assert.equal(await full.getByTestId("source-failure").count(), 0, "waiting is no failure");
  await shot(page, "sources-stale");
  await checkAccessibility(page, "sources-stale");
  await full.getByRole("button", { name: "Change Large share" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("These pairs stay").waitFor();
  await dialog.getByLabel("Unix groups", { exact: true }).fill("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("These pairs cannot be changed or taken away: 2000 = hr.").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.unroute("**/api/v1/sources");
  await page.route("**/api/v1/sources", (route) => route.fulfill({ json: { items: [], folder: null } }));
  await page.reload();
  await page.getByText("Folders are not watched on this server").waitFor();
  await checkAccessibility(page, "sources-off");
  check();
  await close();
});
