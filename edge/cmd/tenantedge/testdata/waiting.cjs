// Opens the page that waits for the compilation: see demobrowser_test.go.
"use strict";

module.exports = async ({ open, check, assert, accessible, fits, values }) => {
  for (const width of [360, 1440]) {
    for (const scheme of ["light", "dark"]) {
      await check(`the page at ${width} pixels, ${scheme}`, async () => {
        const page = await open(values.url, { width, scheme });
        assert(page.response.status() === 503 && await page.textContent("h1") === "Compiling the guest", `status ${page.response.status()}`);
        await accessible(page);
        await fits(page);
        await page.context().close();
      });
    }
  }
  await check("the page loads itself again when the guest is compiled", async () => {
    const page = await open(values.url);
    await page.waitForFunction(() => document.getElementById("waited").textContent !== "");
    await fetch(values.control);
    await page.waitForFunction(() => document.querySelector("h1").textContent === "compiled");
    assert(page.errors.every(e => e.includes("503")), page.errors);
  });
};
