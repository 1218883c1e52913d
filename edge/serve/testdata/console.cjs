// Drives the console in a browser: see console_unix_test.go.
"use strict";
const { join } = require("path");

module.exports = async ({ open, check, assert, clean, accessible, fits, values }) => {
  const base = values.base;
  const has = (text, ...parts) => {
    for (const part of parts) {
      assert(text.includes(part), `expected ${part}, found ${text}`);
    }
  };
  const sound = async page => {
    await accessible(page);
    await fits(page);
  };
  const signIn = async (secret, options) => {
    const page = await open(`${base}/`, options);
    await page.fill("#token", secret);
    await page.click('button:has-text("Sign in")');
    await page.waitForURL(`${base}/`);
    return page;
  };
  // close ends a visit. Texts of strangers must not have run, and the browser may complain
  // only about what has one of the expected texts.
  const close = async (page, ...expected) => {
    assert(!await page.evaluate(() => window.attacked), "a text ran as a script");
    clean(page, e => expected.some(text => e.includes(text)));
    await page.context().close();
  };
  const live = page => page.waitForSelector('[data-live="on"]');
  const hidden = /[\u001b\u0007\u202e\u2066]/; // control characters of the hostile guest
  const explain = async (page, url) => {
    await page.fill("#url", url);
    await page.click('button:has-text("Explain")');
  };
  const explained = async (page, url) => {
    await page.goto(`${base}/console/try`);
    await explain(page, url);
    return page.textContent(".explanation");
  };
  const submit = async (page, button) => {
    await Promise.all([page.waitForEvent("load"), page.click(`button:has-text("${button}")`)]);
    return page.textContent(".notice");
  };
  const swap = async (page, guest) => {
    await page.goto(`${base}/console/programs`);
    await page.setInputFiles("#swap-guest", join(values.guests, guest));
    await page.fill("#swap-reason", "the test");
    return submit(page, "Swap the guest");
  };

  await check("signing in and out", async () => {
    const page = await open(`${base}/console/tenants?q=acme`);
    assert(page.url().startsWith(`${base}/console/signin`), page.url());
    await sound(page);
    await page.fill("#token", "wrong");
    await page.click('button:has-text("Sign in")');
    has((await page.textContent('[role="alert"]')).toLowerCase(), "expected the secret");
    await page.fill("#token", values.operate);
    await page.click('button:has-text("Sign in")');
    await page.waitForURL(`${base}/console/tenants?q=acme`);
    await page.click("text=Sign out");
    await page.waitForURL(/signin/);
    await page.goto(`${base}/`);
    assert(page.url().includes("/console/signin"), page.url());
    await close(page, "401");
  });

  await check("searching tenants", async () => {
    const page = await signIn(values.operate);
    await page.click("nav >> text=Tenants");
    const first = () => page.textContent("tbody tr:first-child th");
    assert(await first() === "acme", await first());
    await page.click("text=Next");
    await page.waitForURL(/after=/);
    assert((await first()).startsWith("shop_"), await first());
    await page.click("text=Previous");
    await page.waitForURL(/before=/);
    assert(await first() === "acme", await first());
    await page.fill("#q", "SHOP-77.example");
    await page.press("#q", "Enter");
    await page.waitForURL(/q=SHOP/);
    assert(await page.locator("tbody tr").count() === 1 && await first() === "shop_077", await first());
    await page.click("tbody a");
    await page.waitForURL(/tenants\/shop_077/);
    assert(await page.textContent("h1") === "shop_077", await page.textContent("h1"));
    await page.goto(`${base}/console/tenants/acme`);
    await page.click("text=Count the files");
    await page.waitForURL(/files/);
    has(await page.textContent("[aria-labelledby=h-files]"), "12 B in 1 file", "95.4 MiB");
    assert(/status 2xx\s*[1-9]/.test(await page.textContent("[aria-labelledby=h-used]")), await page.textContent("[aria-labelledby=h-used]"));
    assert(!(await page.content()).includes("gold"), "the value of an attribute is shown");
    await page.goto(`${base}/console/tenants/hostile`);
    has(await page.textContent("main"), "onerror");
    await close(page);
  });

  await check("trying a request", async () => {
    const page = await signIn(values.operate);
    has(await explained(page, "https://old.example.com/a?b=1"), "to //acme.example.com/a?b=1");
    has(await explained(page, "http://acme.example.com/media/acme/report.txt"), "acme, a row of the directory, id 1", "app, served by", "domain acme.example.com", "file200");
    await explain(page, "://");
    has(await page.textContent('[role="alert"]'), "method and a URL");
    await close(page, "422");
  });

  await check("swapping the guest, and back", async () => {
    const page = await signIn(values.operate);
    await page.goto(`${base}/console/programs`);
    assert(await page.locator('button:has-text("Roll back")').count() === 0, "there is a guest to roll back to");
    has(await swap(page, "broken.wasm"), "Refused.");
    has(await swap(page, "other.wasm"), "The guest runs: tenantedge router");
    has(await page.textContent("#live-running"), "previous");
    await page.fill("#rollback-reason", "the test");
    has(await submit(page, "Roll back"), "The previous guest runs again");
    await close(page);
  });

  await check("trying a hostile guest as a canary", async () => {
    const page = await signIn(values.operate);
    await page.goto(`${base}/console/programs`);
    await page.setInputFiles("#try-guest", join(values.guests, "hostile.wasm"));
    await page.check("input[value=canary]");
    await page.fill("#try-share", "0");
    await page.click("text=Tenants, header and limits");
    await page.fill("#try-tenants", "beta, acme");
    await page.fill("#try-differences", "100%");
    await page.fill("#try-costly", "100");
    await page.fill("#try-time", "0");
    has(await submit(page, "Begin the trial"), "The trial has begun.");
    await live(page);
    await page.waitForSelector("#live-trial .samples");
    has(await page.textContent("#live-trial"), "canary for beta, acme", "beta.example.com", "tenant", "<b>hostile</b>");
    assert(!hidden.test(await page.content()), "the page has control characters");
    await sound(page);
    await page.fill("#abort-reason", "enough");
    await submit(page, "Abort the trial");
    has(await page.textContent("#live-trial"), "Ended: aborted: enough");
    await page.goto(`${base}/console/log?kind=guest`);
    has(await page.textContent("#live-log"), "hostile line", "onerror");
    assert(!hidden.test(await page.content()), "the log has control characters");
    await page.goto(`${base}/console/log?kind=audit`);
    has(await page.textContent("#live-log"), "POST /console/programs/swap", "POST /console/programs/rollback", "who=ada", "reason=the test");
    await close(page);
  });

  await check("trying a guest as a shadow, and promoting it", async () => {
    const page = await signIn(values.operate);
    await page.goto(`${base}/console/programs`);
    await page.setInputFiles("#try-guest", join(values.guests, "other.wasm"));
    await page.fill("#try-share", "100");
    has(await submit(page, "Begin the trial"), "The trial has begun.");
    await live(page);
    await page.waitForFunction(() => /both decided\s*[1-9]/.test(document.querySelector("#live-trial").textContent));
    has(await submit(page, "Promote"), "The candidate runs");
    await close(page);
  });

  await check("following the log", async () => {
    const page = await signIn(values.operate);
    await page.goto(`${base}/console/log?kind=access`);
    await live(page);
    const before = await page.locator("#live-log li").count();
    await page.waitForFunction(n => document.querySelectorAll("#live-log li").length > n, before);
    await page.click('button:has-text("Pause")');
    assert(await page.textContent("[data-live-state]") === "Paused", await page.textContent("[data-live-state]"));
    await page.goto(`${base}/console/log?level=ERROR`);
    assert(await page.locator("#live-log li:not(.l-ERROR)").count() === 0, "other levels are shown");
    await close(page);
  });

  await check("the role read changes nothing", async () => {
    const page = await signIn(values.read);
    await page.goto(`${base}/console/programs`);
    assert(await page.locator("main form").count() === 0, "a reader has forms");
    const answers = await page.evaluate(async () => {
      const csrf = document.querySelector("[name=csrf]").value;
      const found = [];
      for (const action of ["rollback", "promote", "abort"]) {
        found.push((await fetch("/console/programs/" + action, { method: "POST", body: new URLSearchParams({ csrf }) })).status);
      }
      const form = new FormData();
      form.append("csrf", csrf);
      form.append("guest", new Blob(["x"]));
      for (const action of ["swap", "candidate"]) {
        found.push((await fetch("/console/programs/" + action, { method: "POST", body: form })).status);
      }
      found.push((await fetch("/guest")).status); // a route of the API
      return found.join(" ");
    });
    assert(answers === "403 403 403 403 403 401", answers);
    await close(page, "403", "401");
  });

  await check("without tokens, the console is read only", async () => {
    const page = await open(`${values.open}/console/programs`);
    has(await page.textContent(".notice"), "Read only.");
    assert(await page.locator("main form").count() === 0, "there are forms");
    await sound(page);
    await page.goto(`${values.open}/console/try`);
    await explain(page, "http://acme.example.com/");
    has(await page.textContent(".explanation"), "acme");
    await close(page);
  });

  // Another site, even on another port of this host.
  await check("another site can neither send forms nor show pages", async () => {
    const page = await signIn(values.operate);
    await page.goto(`${base}/console/programs`);
    const csrf = await page.inputValue("[name=csrf] >> nth=0");
    await page.goto(`${values.site}/`);
    const [answer] = await Promise.all([
      page.waitForResponse(r => r.url().includes("/console/programs/rollback")),
      page.evaluate(([base, csrf]) => {
        const form = document.createElement("form");
        form.method = "post";
        form.action = base + "/console/programs/rollback";
        form.innerHTML = `<input name="csrf" value="${csrf}">`;
        document.body.append(form);
        form.submit();
      }, [base, csrf]),
    ]);
    assert(answer.status() === 403, `status ${answer.status()}`);
    await page.waitForURL(/rollback/);
    await page.goto(`${values.site}/`);
    await page.evaluate(async base => {
      const frame = document.createElement("iframe");
      frame.src = base + "/";
      document.body.append(frame);
      await new Promise(done => frame.addEventListener("load", done));
    }, base);
    const inside = page.frames().find(f => f !== page.mainFrame());
    const shown = inside ? await inside.evaluate(() => document.body.innerText).catch(() => "") : "";
    assert(!shown.includes("Overview"), shown);
    await close(page, "frame-ancestors", "X-Frame-Options", "403", "404", "Failed to load", "refused", "Framing");
  });

  await check("the keyboard alone finds a tenant, and tries a request", async () => {
    const page = await open(`${base}/`);
    const tabTo = async what => {
      for (let n = 0; n < 60; n++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim()) === what) {
          return;
        }
      }
      assert(false, `Tab does not reach ${what}`);
    };
    const enter = async (...text) => {
      await page.keyboard.type(text.join(""));
      await page.keyboard.press("Enter");
    };
    await page.waitForFunction(() => document.activeElement.id === "token"); // at first
    await enter(values.operate);
    await page.waitForURL(`${base}/`);
    await page.keyboard.press("Tab");
    await enter(); // skips to the content
    assert(await page.evaluate(() => document.activeElement.id) === "main", "one cannot skip to the content");
    await page.reload();
    await tabTo("Tenants");
    await enter();
    await page.waitForURL(/tenants/);
    await tabTo("q");
    await enter("acme");
    await page.waitForURL(/q=acme/);
    await tabTo("acme");
    await enter();
    await page.waitForURL(/tenants\/acme/);
    await tabTo("Try a request"); // that of the navigation
    await enter();
    await page.waitForURL(/try/);
    await tabTo("url");
    await enter("http://beta.example.com/");
    has(await page.textContent(".explanation"), "beta, a row of the directory");
    await page.focus("#url");
    await page.keyboard.press("Tab");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert(outline === "solid", `the focus has the outline ${outline}`);
    await close(page);
  });

  const prepare = {
    async overview(page) {
      await live(page);
      await page.waitForSelector(".bars rect");
      await page.click("text=As tables");
      await sound(page);
      await page.click("text=As tables");
    },
    programs: live,
    log: live,
    async try(page) {
      await explain(page, "http://acme.example.com/media/acme/report.txt");
      await page.waitForSelector(".explanation");
    },
  };
  for (const width of [360, 1440]) {
    for (const scheme of ["light", "dark"]) {
      await check(`all pages at ${width} pixels, ${scheme}`, async () => {
        const page = await signIn(values.operate, { width, height: width === 360 ? 740 : 900, scheme, motion: scheme === "dark" ? "reduce" : "no-preference" });
        for (const [name, path] of [
          ["overview", "/"], ["programs", "/console/programs"], ["tenants", "/console/tenants"], ["tenant", "/console/tenants/acme?files"], ["try", "/console/try"], ["log", "/console/log"],
        ]) {
          await page.goto(base + path);
          await prepare[name]?.(page);
          await sound(page);
          if (values.screenshots) {
            await page.evaluate(() => scrollTo(0, 0));
            await page.screenshot({ path: join(values.screenshots, `console-${name}-${width}-${scheme}.png`) });
          }
        }
        await close(page);
      });
    }
  }
};
