// Looks at the console of a node of a fleet: see console_unix_test.go.
"use strict";
const { join } = require("path");

module.exports = async ({ open, check, assert, clean, accessible, fits, values }) => {
  const states = {
    behind: "behind", current: "up to date", "edge-a": "up to date", failed: "failed the signature of the guest", gone: "gone", stopped: "stopped",
  };
  const state = (page, node) => page.locator(`tbody tr:has(th:has-text("${node}")) td`).first().textContent();
  for (const [width, height] of [[360, 740], [1440, 900]]) {
    for (const scheme of ["light", "dark"]) {
      await check(`the fleet at ${width} pixels, ${scheme}`, async () => {
        const page = await open(`${values.base}/console/fleet`, { width, height, scheme });
        await page.fill("#token", values.operate);
        await page.click('button:has-text("Sign in")');
        await page.waitForURL(`${values.base}/console/fleet`);
        // The edge reports by itself, and the one that is gone is so after a second.
        while (await state(page, "edge-a") !== states["edge-a"] || await state(page, "gone") !== states.gone) {
          await page.reload();
        }
        for (const [node, expected] of Object.entries(states)) {
          const found = await state(page, node);
          assert(found.startsWith(expected), `${node} is ${found}`);
        }
        const rollouts = await page.locator("[aria-labelledby=h-history] tbody tr").allTextContents();
        const newest = rollouts[0].replace(/\s+/g, " ");
        assert(rollouts.length === 4 && newest.includes("rollback") && newest.includes("the guest of each configuration"), rollouts);
        assert(/limit.*more than 1 % of the decisions differ/s.test(rollouts[1]) && /trial.*onerror/s.test(rollouts[2]) && rollouts[3].includes("ticket 42"), rollouts);
        await accessible(page);
        await fits(page);
        if (values.screenshots) {
          await page.screenshot({ path: join(values.screenshots, `console-fleet-${width}-${scheme}.png`), fullPage: true });
        }
        await page.goto(`${values.base}/console/programs`);
        assert((await page.textContent("main")).includes("belongs to a") && await page.locator("main form").count() === 0, "a node lets one change its guest");
        await accessible(page);
        await fits(page);
        assert(!await page.evaluate(() => window.attacked), "a text ran as a script");
        clean(page);
        await page.context().close();
      });
    }
  }
};
