// Runs a script of package browsertest: node harness.cjs SCRIPT VALUES. Writes a line
// of JSON for each check.
"use strict";
const { chromium } = require("playwright-core");
const axe = require("fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [script, values] = process.argv.slice(2);
const patience = 60000; // milliseconds; nothing should take that long

// check runs a step and reports it. Later steps need earlier ones, so the first
// failure ends the script.
async function check(name, step) {
  try {
    await step();
    console.log(JSON.stringify({ name }));
  } catch (error) {
    console.log(JSON.stringify({ name, failure: String(error.stack || error) }));
    throw error;
  }
}

function assert(holds, message) {
  if (!holds) {
    throw new Error(typeof message === "string" ? message : JSON.stringify(message));
  }
}

(async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: process.getuid && process.getuid() === 0 ? ["--no-sandbox"] : [],
  });
  // open opens a page in a browser of its own. What it complains about is in page.errors:
  // errors of scripts, errors and warnings of the console, which has those of the
  // Content-Security-Policy, and dialogs.
  const open = async (url, { width = 1440, height = 900, scheme = "light", motion = "reduce" } = {}) => {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: motion });
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    page.errors = [];
    page.on("pageerror", error => page.errors.push(String(error)));
    page.on("console", message => ["error", "warning"].includes(message.type()) && page.errors.push(`${message.text()} (${message.location().url})`));
    page.on("dialog", dialog => {
      page.errors.push(`the dialog ${dialog.message()}`);
      return dialog.dismiss();
    });
    page.response = await page.goto(url);
    return page;
  };
  // clean fails if a page has errors that are not allowed.
  const clean = (page, allowed = () => false) => assert(page.errors.every(allowed), page.errors);
  // accessible fails unless axe-core finds no violation in a page.
  const accessible = async page => {
    const report = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
    const found = report.violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html + " " + n.failureSummary).slice(0, 3).join("; ")}`);
    assert(found.length === 0, found.join("\n"));
  };
  // fits fails if a page is wider than its window.
  const fits = async page => {
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert(content <= window, `the page is ${content} pixels wide in a window of ${window}`);
  };
  try {
    await require(script)({ open, check, assert, clean, accessible, fits, values: JSON.parse(values) });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
})();
