// Saves a picture of every page, in both themes and widths, to the folder that MILLWRIGHT_SHOTS names.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { NARROW, WIDE, closeBrowser, open, person } from "./lib/harness.mjs";
import { PAGES } from "./lib/pages.mjs";

const folder = process.env.MILLWRIGHT_SHOTS;
if (folder === undefined) throw new Error("MILLWRIGHT_SHOTS must name a folder for the pictures");
mkdirSync(folder, { recursive: true });

for (const theme of ["light", "dark"]) {
  for (const viewport of [WIDE, NARROW]) {
    for (const { name, signedOut = false, go } of PAGES) {
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
await closeBrowser();
