// Saves a picture of every page, in both themes and widths, to the folder that MILLWRIGHT_SHOTS names. With
// MILLWRIGHT_SHOTS_ONLY, of the pages whose names begin so; with MILLWRIGHT_SHOTS_MODELS, of those that need models.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { NARROW, WIDE, closeBrowser, open, person } from "./lib/harness.mjs";
import { filledPages } from "./lib/model-pages.mjs";
import { PAGES, QUESTION } from "./lib/pages.mjs";
import { requireSecondFactor } from "./lib/people.mjs";

const folder = process.env.MILLWRIGHT_SHOTS;
if (folder === undefined) throw new Error("MILLWRIGHT_SHOTS must name a folder for the pictures");
const only = process.env.MILLWRIGHT_SHOTS_ONLY;
// Where the server has models, the pages that need them.
const all = process.env.MILLWRIGHT_SHOTS_MODELS === undefined ? PAGES : filledPages(QUESTION);
mkdirSync(folder, { recursive: true });

for (const theme of ["light", "dark"]) {
  for (const viewport of [WIDE, NARROW]) {
    for (const { name, signedOut = false, go } of all.filter((page) => only === undefined || page.name.startsWith(only))) {
      const { page, close } = await open({ ...(signedOut ? {} : { user: person("admin") }), viewport, theme });
      const file = join(folder, `${name}-${theme}-${viewport.width}.png`);
      await go(page);
      await page.waitForTimeout(300);
      await page.screenshot({ path: file });
      console.log(file);
      await close();
    }
  }
}
await requireSecondFactor([]);
await closeBrowser();
