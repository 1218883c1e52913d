// Drives the demonstration in a browser: see demobrowser_test.go.
"use strict";

module.exports = async ({ open, check, assert, clean, accessible, fits, values }) => {
  const at = (name, path = "/") => `http://${name}.localhost:${values.port}${path}`;
  const text = (page, id) => page.locator(`#${id}`).textContent();
  const number = async (page, id) => Number((await text(page, id)).replaceAll(",", ""));
  // settled waits for the end of a change of the rules.
  const settled = page => page.waitForFunction(() => !document.getElementById("apply").disabled);
  const swap = async (page, rules) => {
    await page.fill("#rules", rules);
    await page.click("#apply");
    await settled(page);
  };
  const answers = (page, more) => number(page, "answers").then(before =>
    page.waitForFunction(least => Number(document.getElementById("answers").textContent.replaceAll(",", "")) >= least, before + more));
  const answeredBy = (page, row, name) => page.waitForFunction(
    ([row, name]) => document.querySelector(`#last tr:nth-child(${row}) td:nth-child(2)`)?.textContent === name, [row, name]);

  const one = await open(at("tenant1"));
  await check("the page shows what each request cost", async () => {
    await answers(one, 6);
    const cells = await one.locator("#last tr:first-child td").allTextContents();
    assert(/^\d+ µs|ms$/.test(cells[3]) && Number(cells[4].replaceAll(",", "")) > 1000 && /^\d+$/.test(cells[5]) && /s$/.test(cells[6]), cells);
    assert(/^[0-9a-f]{8}$/.test(cells[2]) && cells[2] === await text(one, "digest"), cells);
  });

  await check("two windows of a tenant chat, another tenant does not hear them", async () => {
    const two = await open(at("tenant1")), other = await open(at("tenant2"));
    for (const page of [one, two, other]) {
      await page.waitForSelector("#chat button:enabled");
    }
    await one.fill("#say", "<img src=x onerror=alert(1)> hello");
    await one.press("#say", "Enter");
    await two.waitForFunction(() => document.getElementById("log").textContent.includes("says <img src=x onerror=alert(1)> hello"));
    await other.fill("#say", "of the other tenant");
    await other.press("#say", "Enter");
    await other.waitForFunction(() => document.getElementById("log").textContent.includes("of the other tenant"));
    assert(!(await text(other, "log")).includes("hello") && !(await text(two, "log")).includes("other tenant"), "the rooms are shared");
    assert(await two.locator("#log img").count() === 0, "a message became HTML");
    clean(two);
    clean(other);
    await two.context().close();
    await other.context().close();
  });

  if (values.screenshot) {
    await one.setViewportSize({ width: 1200, height: 800 });
    await answers(one, 80);
  }
  let builtIn;
  await check("a rule swaps the guest under running requests, none of which fails", async () => {
    builtIn = await text(one, "digest");
    await swap(one, "tenant1 /beta -> beta\n");
    await answeredBy(one, 2, "beta");
    await answeredBy(one, 1, "app");
    await answers(one, 4);
    assert(await text(one, "digest") !== builtIn && await number(one, "swaps") === 1, "the guest was not swapped");
    assert(await number(one, "failed") === 0, "requests failed");
    assert(/\d+ answers, 0 failed/.test(await text(one, "progress")), await text(one, "progress"));
  });
  if (values.screenshot) {
    await answers(one, 80);
    await one.evaluate(() => scrollTo(0, 0));
    await one.screenshot({ path: values.screenshot });
    await one.setViewportSize({ width: 1440, height: 900 });
  }

  await check("a mistake is shown where it is, and the guest goes on", async () => {
    const before = await text(one, "digest");
    await swap(one, "# fine\ntenant1 beta -> <b>beta</b>\n");
    const shown = await text(one, "mistake");
    assert(shown.startsWith("Line 2, column 9: expected a path that begins with /") && shown.includes("tenant1 beta -> <b>beta</b>"), shown);
    assert(await one.locator("#mistake b").count() === 0, "the rule became HTML");
    const selected = await one.evaluate(() => { const a = document.getElementById("rules"); return document.activeElement === a && a.value.slice(a.selectionStart, a.selectionEnd); });
    assert(selected === "beta", selected);
    await answers(one, 4);
    assert(await text(one, "digest") === before, "the guest was swapped");
    await accessible(one);
  });

  await check("a guest that never ends is refused", async () => {
    const before = await text(one, "digest");
    await swap(one, "* / -> spin\n");
    assert(/smoke run.*fuel/s.test(await text(one, "mistake")), await text(one, "mistake"));
    await answers(one, 4);
    assert(await text(one, "digest") === before && await number(one, "refused") === 1 && await number(one, "failed") === 0, "the guest did not go on");
  });

  await check("a button rolls back", async () => {
    await one.click("#rollback");
    await settled(one);
    await answeredBy(one, 2, "app");
    assert(await text(one, "digest") === builtIn && await number(one, "rollbacks") === 1, "the guest is another one");
    assert(await number(one, "failed") === 0, "requests failed");
    // The refusal of the mistake is an answer with an error, which browsers report.
    clean(one, e => e.includes("422") && e.includes("/-/demo/rules"));
  });

  await check("forged headers do not reach another tenant", async () => {
    await one.click("#forge");
    await one.waitForFunction(() => document.getElementById("forged").textContent.includes("request for tenant1"));
  });

  await check("links lead to the other tenants and back", async () => {
    const page = await open(at("tenant1"));
    for (const name of ["tenant2", "tenant3", "blog", "tenant1"]) {
      await page.click(`nav a:has-text("${name}")`);
      await page.waitForFunction(name => document.querySelector("h1").textContent.includes(`“${name}”`), name);
      await answers(page, 2);
    }
    await page.click('nav a:has-text("www")');
    await page.click('nav[aria-label="Tenants by folder"] a:has-text("tenant1")');
    await answers(page, 2);
    assert(page.url() === `http://localhost:${values.port}/tenant1/`, page.url());
    await page.waitForSelector("#chat button:enabled");
    await page.goto(at("old", "/x?a=1"));
    assert(page.url() === at("tenant2", "/x?a=1"), page.url());
    await page.goto(at("tenant1"));
    await page.click('a:has-text("/media/tenant1/hello.txt")');
    assert((await page.textContent("body")).includes("A file of tenant1"), "no file");
    clean(page);
    await page.context().close();
  });

  await check("a line to paste names the tenant by a header with a proof", async () => {
    const page = await open(at("tenant1"));
    const line = await text(page, "by-header");
    const headers = Object.fromEntries([...line.matchAll(/-H '([^:]+): ([^']+)'/g)].map(m => [m[1], m[2]]));
    assert(headers.tenant === "tenant3" && headers["Tenantedge-Proof"], line);
    const url = new URL(line.split(" ").at(-1)); // whose name Node.js need not resolve
    const answer = await page.request.get(`http://127.0.0.1:${url.port}/`, { headers: { ...headers, Host: url.host } });
    assert((await answer.text()).startsWith("tenant tenant3\n"), line);
    clean(page);
    await page.context().close();
  });

  await check("a click sets a session, and the same URL serves another tenant", async () => {
    const page = await open(at("tenant1"));
    await page.click('a:has-text("Choose a session of app.localhost")');
    for (const name of ["tenant2", "tenant3", "tenant1"]) {
      await page.click(`button:has-text("a session of ${name}")`);
      await page.waitForFunction(name => document.querySelector("h1").textContent.includes(`“${name}”`), name);
      assert(page.url() === at("app"), page.url());
      assert((await page.textContent("main")).includes("found by the session"), "not by session");
      assert(await page.locator('button[aria-pressed="true"]').textContent() === `a session of ${name}`, "another session is chosen");
      await answers(page, 2);
      await page.waitForSelector("#chat button:enabled");
    }
    assert(await number(page, "failed") === 0, "requests failed");
    await accessible(page);
    await page.click('button:has-text("no session")');
    await page.waitForFunction(() => document.querySelector("h1").textContent === "One URL, the tenant of your session");
    clean(page);
    await page.context().close();
  });

  const missing = "No tenant has this address, or it has no such page";
  const narrow = [[360, "light"], [360, "dark"]], wide = [[1440, "light"], [1440, "dark"]], all = [...narrow, ...wide];
  for (const [name, url, status, heading, views] of [
    ["tenant1", at("tenant1"), 200, "Tenant “tenant1”", all], ["the static tenant", at("blog"), 200, "Tenant “blog”", all],
    ["the start page", `http://localhost:${values.port}/`, 200, "Five tenants, one edge", all], ["a host without a tenant", at("unknown"), 404, missing, all],
    ["the choice of a session", at("app", "/-/demo/session"), 200, "One URL, the tenant of your session", all],
    // These differ from the others in their text only.
    ["tenant3", at("shared", "/tenant3/"), 200, "Tenant “tenant3”", [narrow[1]]], ["the start page by address", `http://127.0.0.1:${values.port}/`, 200, "Five tenants, one edge", [wide[0]]],
    ["a page that is missing", `http://localhost:${values.port}/no-such-page`, 404, missing, [wide[1]]],
    ["a file of another tenant", at("tenant1", "/media/tenant2/hello.txt"), 404, missing, [narrow[0]]],
  ]) {
    for (const [width, scheme] of views) {
      await check(`${name} at ${width} pixels, ${scheme}`, async () => {
        const page = await open(url, { width, scheme });
        assert(page.response.status() === status, `status ${page.response.status()}`);
        assert(await page.textContent("h1") === heading, await page.textContent("h1"));
        if (await page.locator("#answers").count()) {
          await answers(page, 3);
        }
        await accessible(page);
        await fits(page);
        // The status of the page itself, which browsers report too.
        clean(page, e => status === 404 && e.includes("404") && e.includes(url));
        if (values.screenshots) {
          await page.screenshot({ path: `${values.screenshots}/${name}-${width}-${scheme}.png`.replaceAll(" ", "-"), fullPage: true });
        }
        await page.context().close();
      });
    }
  }

  await check("the page can be used with the keyboard", async () => {
    const page = await open(at("tenant2"));
    await page.keyboard.press("Tab");
    assert(await page.evaluate(() => document.activeElement.textContent) === "Skip to the content", "the first link does not skip");
    const reached = new Set();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement.id));
    }
    for (const id of ["pause", "rules", "apply", "say", "forge"]) {
      assert(reached.has(id), `Tab does not reach #${id}, only ${[...reached]}`);
    }
    await page.context().close();
  });
};
