import { after, describe, test } from "node:test";
import { NARROW, WIDE, checkAccessibility, checkNoOverflow, closeBrowser, open, person } from "./lib/harness.mjs";
import { PAGES } from "./lib/pages.mjs";
import { requireSecondFactor } from "./lib/people.mjs";

after(async () => {
  await requireSecondFactor([]);
  await closeBrowser();
});

for (const theme of ["light", "dark"]) {
  for (const viewport of [WIDE, NARROW]) {
    describe(`${theme}, ${viewport.width} px`, { concurrency: 2 }, () => {
      for (const { name, signedOut = false, expects = [], go } of PAGES) {
        test(`${name}: axe finds nothing, nothing overflows, no other host, no console error`, async () => {
          const { page, check, close } = await open({ ...(signedOut ? {} : { user: person("admin"), shared: true }), viewport, theme, allow: expects });
          await go(page);
          await checkAccessibility(page, name);
          await checkNoOverflow(page, name);
          check();
          await close();
        });
      }
    });
  }
}
