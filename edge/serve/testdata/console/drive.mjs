// Drives the console in Chromium for TestTheConsoleInABrowser: prints "ok NAME" for each
// check that passes, and what is wrong for each other one.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const settings = JSON.parse(process.argv[2]);
const only = settings.only || "";
const axe = readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const browser = await chromium.launch({ executablePath: settings.chromium, args: ["--no-sandbox", "--disable-gpu"] });

const check = (name, passed, found = "") => console.log(passed ? `ok ${name}` : `${name}: found ${found}`);

// visit opens a page in a browser of its own. What the browser complains about fails.
const visit = async (name, options, steps) => {
  if (only && !name.includes(only)) return;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  let expected = [];
  const problems = [];
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type()) && !expected.some((e) => m.text().includes(e))) problems.push(`${m.type()}: ${m.text()}`);
  });
  page.on("pageerror", (e) => problems.push(`script: ${e.message}`));
  page.on("dialog", (d) => {
    problems.push(`dialog: ${d.message()}`);
    d.dismiss();
  });
  try {
    await steps(page, { expect: (...texts) => (expected = texts) });
    const attacked = await page.evaluate(() => window.attacked);
    if (attacked) problems.push("a text ran as a script");
  } catch (e) {
    problems.push(`${e.message.split("\n").slice(0, 12).join(" / ")} at ${page.url()}`);
  }
  check(`${name}: no errors in the browser`, problems.length === 0, problems.join("; "));
  await context.close();
};

const signIn = async (page, secret, base = settings.base) => {
  await page.goto(base + "/");
  await page.fill("#token", secret);
  await Promise.all([page.waitForURL(base + "/"), page.click("button:has-text(\"Sign in\")")]);
};

const isLive = (page) => page.waitForSelector('[data-live="on"]');

// sound checks a page: accessible, and no wider than the window.
const sound = async (page, name) => {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const found = await window.axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map((v) => `${v.id} (${v.nodes.map((n) => n.target.join(" ")).join(", ")})`);
  });
  check(`${name}: axe-core`, violations.length === 0, violations.join("; "));
  const [content, frame] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  check(`${name}: fits the window`, content <= frame, `${content} of ${frame} pixels`);
};

// The documentation shows these pages.
const shown = ["overview-1440-light", "overview-360-dark", "try-1440-light"];
const shoot = async (page, name) => {
  if (!settings.screenshots || !shown.includes(name)) return;
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(settings.screenshots, `${name}.png`) });
};

const tryRequest = async (page, url) => {
  await page.goto(settings.base + "/console/try");
  await page.fill("#url", url);
  await page.click("button:has-text(\"Explain\")");
  await page.waitForSelector(".explanation");
  return page.textContent(".explanation");
};

const swap = async (page, guest) => {
  await page.goto(settings.base + "/console/programs");
  await page.setInputFiles("#swap-guest", join(settings.guests, guest));
  await page.fill("#swap-reason", "the test");
  await Promise.all([page.waitForSelector(".notice"), page.click('button:has-text("Swap the guest")')]);
  return page.textContent(".notice");
};

await visit("signing in", {}, async (page, { expect }) => {
  expect("401", "429");
  await page.goto(settings.base + "/console/tenants?q=acme");
  check("a page leads to signing in", page.url().startsWith(settings.base + "/console/signin"), page.url());
  await sound(page, "sign in");
  await page.fill("#token", "wrong");
  await page.click("button:has-text(\"Sign in\")");
  check("a wrong token is refused", (await page.textContent('[role="alert"]')).includes("expected the secret") || (await page.textContent('[role="alert"]')).includes("Expected the secret"));
  await page.fill("#token", settings.operate);
  await page.click("button:has-text(\"Sign in\")");
  await page.waitForURL(settings.base + "/console/tenants?q=acme");
  check("signing in leads to the page", true);
  await page.click("text=Sign out");
  await page.waitForURL(/signin/);
  await page.goto(settings.base + "/");
  check("signing out ends the session", page.url().includes("/console/signin"), page.url());
});

await visit("searching", {}, async (page) => {
  await signIn(page, settings.operate);
  await page.click("nav >> text=Tenants");
  const first = await page.textContent("tbody tr:first-child th");
  check("tenants are listed by schema", first === "acme", first);
  await page.click("text=Next");
  const next = await page.textContent("tbody tr:first-child th");
  check("there is a second page", next.startsWith("shop_"), next);
  await page.click("text=Previous");
  check("one can go back", (await page.textContent("tbody tr:first-child th")) === "acme");
  await page.fill("#q", "SHOP-77.example");
  await page.press("#q", "Enter");
  await page.waitForURL(/q=SHOP/);
  const rows = await page.locator("tbody tr").count();
  check("a domain finds its tenant", rows === 1 && (await page.textContent("tbody th")) === "shop_077", `${rows} rows`);
  await page.click("tbody a");
  check("the tenant has a page", (await page.textContent("h1")) === "shop_077");
  await page.goto(settings.base + "/console/tenants/acme");
  await page.click("text=Count the files");
  const files = await page.textContent("[aria-labelledby=h-files]");
  check("its files are counted", files.includes("12 B in 1 files") && files.includes("95.4 MiB"), files);
  check("values of attributes are not shown", !(await page.content()).includes("gold"));
  await page.goto(settings.base + "/console/tenants/hostile");
  check("a hostile id is text", (await page.textContent("main")).includes("onerror"));
});

await visit("trying a request", {}, async (page, { expect }) => {
  await signIn(page, settings.operate);
  const found = await tryRequest(page, "https://old.example.com/a?b=1");
  check("a redirect is explained", found.includes("to //acme.example.com/a?b=1"), found);
  const tenant = await tryRequest(page, "http://acme.example.com/media/acme/report.txt");
  check("a tenant is explained", ["acme, a row of the directory, id 1", "app, served by", "domain acme.example.com"].every((t) => tenant.includes(t)), tenant);
  check("a file is explained", tenant.includes("file200"), tenant);
  expect("422");
  await page.fill("#url", "://");
  await page.click("button:has-text(\"Explain\")");
  check("an invalid request is refused", (await page.textContent('[role="alert"]')).includes("method and a URL"));
});

await visit("operating", {}, async (page) => {
  await signIn(page, settings.operate);
  check("no guest can be rolled back to at first", (await page.goto(settings.base + "/console/programs"), (await page.locator('button:has-text("Roll back")').count()) === 0));
  const refused = await swap(page, "broken.wasm");
  check("a broken guest is refused", refused.includes("Refused."), refused);
  const swapped = await swap(page, "other.wasm");
  check("a guest is swapped", swapped.includes("The guest runs: tenantedge router"), swapped);
  check("the previous guest is shown", (await page.textContent("#live-running")).includes("previous"));
  await page.fill("#rollback-reason", "the test");
  await page.click('button:has-text("Roll back")');
  const back = await page.textContent(".notice");
  check("the guest is rolled back", back.includes("The previous guest runs again"), back);

  await page.setInputFiles("#try-guest", join(settings.guests, "hostile.wasm"));
  await page.check("input[value=canary]");
  await page.fill("#try-share", "0");
  await page.click("text=Tenants, header and limits");
  await page.fill("#try-tenants", "beta, acme");
  await page.fill("#try-differences", "100%");
  await page.fill("#try-costly", "100");
  await page.fill("#try-time", "0");
  await Promise.all([page.waitForSelector(".notice"), page.click('button:has-text("Begin the trial")')]);
  const begun = await page.textContent(".notice");
  check("a canary begins", begun.includes("The trial has begun."), begun);
  await isLive(page);
  await page.waitForSelector("#live-trial .samples");
  const trial = await page.textContent("#live-trial");
  check("differences come with samples", ["canary for beta, acme", "beta.example.com", "tenant", "<b>hostile</b>"].every((t) => trial.includes(t)), trial);
  check("control characters are removed", !/[\u001b\u0007\u202e\u2066]/.test(await page.content()));
  await sound(page, "programs with a trial");
  await page.fill("#abort-reason", "enough");
  await page.click('button:has-text("Abort the trial")');
  const ended = await page.textContent("#live-trial");
  check("the trial is aborted", ended.includes("Ended: aborted: enough"), ended);
  await page.goto(settings.base + "/console/log?kind=guest");
  const lines = await page.textContent("#live-log");
  check("the guest’s hostile lines are text", lines.includes("hostile line") && lines.includes("onerror"), lines.slice(0, 200));
  check("control characters are removed from the log", !/[\u001b\u0007\u202e\u2066]/.test(await page.content()));
  await page.goto(settings.base + "/console/log?kind=audit");
  const audit = await page.textContent("#live-log");
  check("what was done is in the audit log", ["POST /console/programs/swap", "POST /console/programs/rollback", "who=ada", "reason=the test"].every((t) => audit.includes(t)), audit.slice(0, 400));
});

await visit("a shadow and its promotion", {}, async (page) => {
  await signIn(page, settings.operate);
  await page.goto(settings.base + "/console/programs");
  await page.setInputFiles("#try-guest", join(settings.guests, "other.wasm"));
  await page.fill("#try-share", "100");
  await Promise.all([page.waitForSelector(".notice"), page.click('button:has-text("Begin the trial")')]);
  await isLive(page);
  await page.waitForFunction(() => /both decided\s*[1-9]/.test(document.querySelector("#live-trial").textContent));
  check("the shadow decides too", true);
  await page.click('button:has-text("Promote")');
  const done = await page.textContent(".notice");
  check("the candidate is promoted", done.includes("The candidate runs"), done);
});

await visit("the log follows", {}, async (page) => {
  await signIn(page, settings.operate);
  await page.goto(settings.base + "/console/log?kind=access");
  await isLive(page);
  const before = await page.locator("#live-log li").count();
  await page.waitForFunction((n) => document.querySelectorAll("#live-log li").length > n, before);
  check("new records appear", true);
  await page.click('button:has-text("Pause")');
  check("the page can be paused", (await page.textContent("[data-live-state]")) === "Paused");
  await page.goto(settings.base + "/console/log?level=ERROR");
  check("levels are filtered", (await page.locator("#live-log li:not(.l-ERROR)").count()) === 0);
});

await visit("the role read", {}, async (page, { expect }) => {
  await signIn(page, settings.read);
  await page.goto(settings.base + "/console/programs");
  check("a reader has no forms", (await page.locator("main form").count()) === 0);
  expect("403", "401");
  const status = await page.evaluate(async () => {
    const csrf = document.querySelector("[name=csrf]").value;
    const answers = [];
    for (const action of ["rollback", "promote", "abort"]) {
      answers.push((await fetch("/console/programs/" + action, { method: "POST", body: new URLSearchParams({ csrf }) })).status);
    }
    const form = new FormData();
    form.append("csrf", csrf);
    form.append("guest", new Blob(["x"]));
    for (const action of ["swap", "candidate"]) answers.push((await fetch("/console/programs/" + action, { method: "POST", body: form })).status);
    return answers.join(" ");
  });
  check("a reader cannot operate", status === "403 403 403 403 403", status);
  const api = await page.evaluate(async () => (await fetch("/guest")).status);
  check("the session opens no route of the API", api === 401, api);
});

await visit("without tokens", {}, async (page) => {
  await page.goto(settings.open + "/console/programs");
  const hint = await page.textContent(".notice");
  check("a console without tokens is read only", hint.includes("Read only.") && (await page.locator("main form").count()) === 0, hint);
  await sound(page, "read only");
  await page.goto(settings.open + "/console/try");
  await page.fill("#url", "http://acme.example.com/");
  await page.click("button:has-text(\"Explain\")");
  check("requests can be tried there", (await page.textContent(".explanation")).includes("acme"));
});

// Another site, even on another port of this host, can neither send forms nor show pages.
await visit("another site", {}, async (page, { expect }) => {
  await signIn(page, settings.operate);
  await page.goto(settings.base + "/console/programs");
  const csrf = await page.inputValue("[name=csrf] >> nth=0");
  expect("frame-ancestors", "X-Frame-Options", "403", "404", "Failed to load", "refused", "Framing");
  await page.goto(settings.site + "/");
  const answer = await Promise.all([
    page.waitForResponse((r) => r.url().includes("/console/programs/rollback")),
    page.evaluate(
      ([base, csrf]) => {
        const form = document.createElement("form");
        form.method = "post";
        form.action = base + "/console/programs/rollback";
        form.innerHTML = `<input name="csrf" value="${csrf}">`;
        document.body.append(form);
        form.submit();
      },
      [settings.base, csrf],
    ),
  ]);
  check("a form from another port is refused", answer[0].status() === 403, answer[0].status());
  await page.waitForURL(/rollback/);
  await page.goto(settings.site + "/");
  const framed = await page.evaluate(async (base) => {
    const frame = document.createElement("iframe");
    frame.src = base + "/";
    document.body.append(frame);
    await new Promise((done) => frame.addEventListener("load", done));
    try {
      return frame.contentDocument ? "blank" : "blocked or another origin";
    } catch {
      return "another origin";
    }
  }, settings.base);
  const inside = page.frames().find((f) => f !== page.mainFrame());
  const text = inside ? await inside.evaluate(() => document.body.innerText).catch(() => "") : "";
  check("the console cannot be framed", !text.includes("Overview"), `${framed} ${text.slice(0, 80)}`);
});

// One whole flow with the keyboard only.
await visit("the keyboard", {}, async (page) => {
  const tabTo = async (what) => {
    for (let n = 0; n < 60; n++) {
      await page.keyboard.press("Tab");
      const text = await page.evaluate(() => {
        const e = document.activeElement;
        return e.id || e.textContent.trim();
      });
      if (text === what) return;
    }
    throw new Error(`Tab does not reach ${what}`);
  };
  await page.goto(settings.base + "/");
  await page.waitForFunction(() => document.activeElement.id === "token"); // at first
  await page.keyboard.type(settings.operate);
  await page.keyboard.press("Enter");
  await page.waitForURL(settings.base + "/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // skips to the content
  check("one can skip to the content", (await page.evaluate(() => document.activeElement.id)) === "main");
  await page.reload();
  await tabTo("Tenants");
  await page.keyboard.press("Enter");
  await page.waitForURL(/tenants/);
  await tabTo("q");
  await page.keyboard.type("acme");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=acme/);
  await tabTo("acme");
  await page.keyboard.press("Enter");
  await page.waitForURL(/tenants\/acme/);
  await tabTo("Try a request"); // that of the navigation
  await page.keyboard.press("Enter");
  await page.waitForURL(/try/);
  await tabTo("url");
  await page.keyboard.type("http://beta.example.com/");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".explanation");
  check("the keyboard alone finds, and tries", (await page.textContent(".explanation")).includes("beta, a row of the directory"));
  const outlined = await page.evaluate(() => {
    document.querySelector("#url").focus();
    return true;
  });
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check("the focus can be seen", outlined && outline === "solid", outline);
});

for (const width of [360, 1440]) {
  for (const colorScheme of ["light", "dark"]) {
    const size = `${width} px, ${colorScheme}`;
    await visit(size, { viewport: { width, height: width === 360 ? 740 : 900 }, colorScheme, reducedMotion: colorScheme === "dark" ? "reduce" : "no-preference" }, async (page) => {
      await signIn(page, settings.operate);
      for (const [name, path] of [
        ["overview", "/"],
        ["programs", "/console/programs"],
        ["tenants", "/console/tenants"],
        ["tenant", "/console/tenants/acme?files"],
        ["try", "/console/try"],
        ["log", "/console/log"],
      ]) {
        await page.goto(settings.base + path);
        if (["overview", "programs", "log"].includes(name)) await isLive(page);
        if (name === "overview") {
          await page.waitForSelector(".bars rect");
          await page.click("text=As tables");
          await sound(page, `overview with tables, ${size}`);
          await page.click("text=As tables");
        }
        if (name === "try") {
          await page.fill("#url", "http://acme.example.com/media/acme/report.txt");
          await page.click("button:has-text(\"Explain\")");
          await page.waitForSelector(".explanation");
        }
        await sound(page, `${name}, ${size}`);
        await shoot(page, `${name}-${width}-${colorScheme}`);
      }
    });
  }
}

await browser.close();
