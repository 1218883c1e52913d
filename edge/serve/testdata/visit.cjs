// Opens a page that loads others, until it has the title done: see browser_test.go.
"use strict";

module.exports = async ({ open, check, values }) => {
  await check("the page loads all that it names", async () => {
    const page = await open(values.url);
    await page.waitForFunction(() => document.title === "done");
  });
};
