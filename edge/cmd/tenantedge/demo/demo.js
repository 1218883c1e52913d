"use strict";

const $ = id => document.getElementById(id);
const { folder, tenant, dynamic } = document.body.dataset;
const short = digest => digest.slice(0, 8);
const milliseconds = ms => ms < 1 ? `${Math.round(ms * 1000)} µs` : ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
const sleep = ms => new Promise(done => setTimeout(done, ms));

// ---- the stream of requests ----

const paths = [folder + "/", folder + "/beta"];
const kept = 400; // answers that are drawn
const everyMilliseconds = 120;
const answers = [];
const count = { sent: 0, open: 0, answered: 0, failed: 0 };
const guests = []; // digests in the order in which they were seen; the place chooses the colour
let running = ""; // digest of the guest that runs

function seen(digest) {
  if (digest && !guests.includes(digest)) {
    guests.push(digest);
  }
}

// The browser publishes Server-Timing after the answer has been read.
async function timingOf(url) {
  for (let tries = 0; tries < 10; tries++) {
    const entry = performance.getEntriesByName(url).at(-1);
    if (entry) {
      const part = name => (entry.serverTiming || []).find(t => t.name === name);
      const guest = part("guest"), upstream = part("upstream");
      const figures = Object.fromEntries((guest?.description || "").split(" ").map(pair => pair.split("=")));
      return { guest: guest?.duration, fuel: Number(figures.fuel), calls: Number(figures.calls), upstream: upstream?.duration };
    }
    await sleep(20);
  }
  return {};
}

async function ask(path) {
  const url = new URL(`${path}?n=${count.sent++}`, location.href).href;
  const answer = { path, failed: true };
  count.open++;
  try {
    const response = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" } });
    const text = await response.text();
    answer.failed = response.status >= 500;
    answer.by = response.ok ? JSON.parse(text).application : String(response.status);
    answer.digest = response.headers.get("Tenantedge-Demo-Guest") || "";
    Object.assign(answer, await timingOf(url));
  } catch (error) {
    answer.by = "no answer";
  }
  count.open--;
  count.answered++;
  count.failed += answer.failed ? 1 : 0;
  if (count.answered % 100 === 0) {
    performance.clearResourceTimings();
  }
  answers.push(answer);
  if (answers.length > kept) {
    answers.shift();
  }
  seen(answer.digest);
  if (answer.digest && answer.digest !== running) {
    refresh();
  }
  show();
}

let paused = false;
let leaving = false; // a form was sent that leads to another page: it may end the session of this one
document.addEventListener("submit", event => { leaving = !event.defaultPrevented; });
addEventListener("pageshow", () => { leaving = false; });
setInterval(() => {
  if (!paused && !leaving && !document.hidden && count.open < 4) {
    ask(paths[count.sent % paths.length]);
  }
}, everyMilliseconds);

$("pause").onclick = () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Continue" : "Pause";
};

function median(of) {
  const values = answers.slice(-60).map(of).filter(Number.isFinite).sort((a, b) => a - b);
  return values[values.length >> 1];
}

function show() {
  $("answers").textContent = count.answered.toLocaleString("en");
  $("failed").textContent = count.failed.toLocaleString("en");
  $("failed-box").className = count.failed ? "wrong" : "fine";
  const text = (id, value, format) => { $(id).textContent = value === undefined ? "–" : format(value); };
  text("guest-time", median(a => a.guest), milliseconds);
  text("upstream-time", median(a => a.upstream), milliseconds);
  text("fuel", median(a => a.fuel), f => f.toLocaleString("en"));
  draw();
  list();
}

function list() {
  const rows = paths.map(path => answers.findLast(a => a.path === path)).filter(Boolean).map(a => {
    const row = document.createElement("tr");
    const cell = (value, isNumber) => {
      const td = row.insertCell();
      td.textContent = value;
      td.className = isNumber ? "number" : "";
    };
    cell(a.path);
    cell(a.by);
    cell(a.digest ? short(a.digest) : "during a swap");
    cell(a.guest === undefined ? "–" : milliseconds(a.guest), true);
    cell(Number.isFinite(a.fuel) ? a.fuel.toLocaleString("en") : "–", true);
    cell(Number.isFinite(a.calls) ? a.calls : "–", true);
    cell(a.upstream === undefined ? "–" : milliseconds(a.upstream), true);
    return row;
  });
  $("last").replaceChildren(...rows);
}

// draw draws one lane for each path, the last answer at the right.
function draw() {
  const canvas = $("chart"), ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue(name);
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  const lane = height / paths.length, step = 5, top = 20;
  paths.forEach((path, i) => {
    const floor = (i + 1) * lane - 4;
    const own = answers.filter(a => a.path === path).slice(-Math.floor((width - 12) / step));
    own.forEach((a, n) => {
      const x = width - 6 - (own.length - n) * step;
      // 10 µs to 10 ms, on a logarithmic scale
      const share = Math.min(1, Math.max(0.08, (Math.log10(Math.max(a.guest || 0, 0.01)) + 2) / 3));
      const tall = (lane - top - 8) * share;
      c.fillStyle = a.failed ? colour("--bad") : colour(`--g${Math.max(0, guests.indexOf(a.digest)) % 6}`);
      c.fillRect(x, floor - tall, step - 2, tall);
    });
    c.fillStyle = colour("--soft");
    c.font = "12px ui-monospace, monospace";
    const last = own.at(-1);
    c.fillText(`${path}${last ? "  →  " + last.by : ""}`, 8, i * lane + 15);
  });
  $("legend").replaceChildren(...guests.slice(-6).map(digest => {
    const item = document.createElement("li"), dot = document.createElement("span");
    dot.className = `dot c${guests.indexOf(digest) % 6}`;
    item.append(dot, `guest ${short(digest)}${digest === running ? ", running" : ""}`);
    return item;
  }));
}
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// ---- the rules ----

let edited = false;
$("rules").oninput = () => { edited = true; };

function showState(state) {
  running = state.guest;
  seen(running);
  $("digest").textContent = short(state.guest);
  $("swaps").textContent = state.swaps;
  $("rollbacks").textContent = state.rollbacks;
  $("refused").textContent = state.refused;
  $("urlconfs").textContent = "the urlconfs " + state.urlconfs.join(", ");
  $("rollback").disabled = !state.previous;
  if (!edited) {
    $("rules").value = state.rules || `# no rules: the built-in guest. For example:\n# ${tenant} ${folder}/beta -> beta\n`;
  }
}

let refreshing = false;
async function refresh() {
  if (refreshing) {
    return;
  }
  refreshing = true;
  try {
    const response = await fetch("/-/demo/guest");
    const answer = await response.json();
    if (response.ok) {
      showState(answer);
    } else {
      refuse(answer);
      $("apply").disabled = true;
    }
  } catch (error) {
    await sleep(1000); // the demonstration has ended, or starts again
  }
  refreshing = false;
}

// refuse shows why a change was refused, with the line if it is about one.
function refuse(event) {
  const box = $("mistake"), area = $("rules");
  box.replaceChildren();
  box.hidden = false;
  if (event.line) {
    const lines = area.value.split("\n"), line = lines[event.line - 1] || "";
    const pre = document.createElement("pre");
    pre.textContent = `${line}\n${" ".repeat(event.column - 1)}^`;
    box.append(`Line ${event.line}, column ${event.column}: ${event.error}`, pre);
    const start = lines.slice(0, event.line - 1).join("\n").length + (event.line > 1 ? 1 : 0) + event.column - 1;
    area.focus();
    area.setSelectionRange(start, start + (line.slice(event.column - 1).match(/^\S*/)[0].length || 0));
  } else {
    box.append(event.error);
  }
  area.setAttribute("aria-invalid", "true");
  $("progress").textContent = running ? `Refused. The guest ${short(running)} goes on.` : "";
}

function accept() {
  $("mistake").hidden = true;
  $("mistake").replaceChildren();
  $("rules").removeAttribute("aria-invalid");
}

// lines reads lines of JSON as they arrive.
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts.map(part => JSON.parse(part));
  }
}

function steps() {
  const list = document.createElement("ol");
  list.className = "steps";
  $("progress").replaceChildren(list);
  return (text, good) => {
    const item = document.createElement("li");
    item.textContent = text;
    item.className = good ? "good" : "";
    list.append(item);
  };
}

async function change(run) {
  accept();
  $("apply").disabled = $("rollback").disabled = true;
  try {
    await run();
  } catch (error) {
    refuse({ error: `the demonstration does not answer: ${error.message}` });
  }
  $("apply").disabled = false;
  await refresh();
}

$("rules-form").onsubmit = event => {
  event.preventDefault();
  change(async () => {
    const before = { ...count };
    const step = steps();
    const response = await fetch("/-/demo/rules", { method: "PUT", body: $("rules").value });
    if (!response.ok) {
      refuse(await response.json());
      return;
    }
    for await (const e of lines(response)) {
      if (e.error) {
        refuse(e);
      } else if (e.step === "linked") {
        step(`linked into a module of ${(e.bytes / 1e6).toFixed(1)} MB in ${milliseconds(e.ms)}; it is compiled and tried in another process`);
      } else if (e.step === "tried") {
        step(`tried in ${milliseconds(e.ms)}; the edge loads it`);
      } else if (e.step === "swapped") {
        edited = false;
        showState(e.state);
        step(`guest ${short(e.digest)} took over after ${milliseconds(e.ms)}; meanwhile ${count.answered - before.answered} answers, ${count.failed - before.failed} failed`, true);
      }
    }
  });
};

$("rollback").onclick = () => change(async () => {
  const response = await fetch("/-/demo/rollback", { method: "POST" });
  const e = await response.json();
  if (!response.ok) {
    refuse(e);
    return;
  }
  edited = false;
  showState(e.state);
  steps()(`rolled back to guest ${short(e.digest)} in ${milliseconds(e.ms)}`, true);
});

for (const button of document.querySelectorAll("#examples button")) {
  button.onclick = () => {
    $("rules").value = button.dataset.rule + "\n";
    edited = true;
    $("rules").focus();
  };
}
refresh();

// ---- the chat room ----

function chat() {
  const log = $("log"), send = $("chat").querySelector("button"), say = $("say");
  const add = text => {
    const item = document.createElement("p");
    item.textContent = text; // never HTML: visitors write it
    log.append(item);
    while (log.childElementCount > 200) {
      log.firstElementChild.remove();
    }
    log.scrollTop = log.scrollHeight;
  };
  let socket, pause = 1000;
  const connect = () => {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${folder}/room/lobby/`);
    socket.onopen = () => { send.disabled = false; pause = 1000; };
    socket.onmessage = event => add(event.data);
    socket.onclose = () => {
      send.disabled = true;
      add(`disconnected; trying again in ${pause / 1000} s`);
      setTimeout(connect, pause);
      pause = Math.min(2 * pause, 15000);
    };
  };
  $("chat").onsubmit = event => {
    event.preventDefault();
    if (say.value.trim() && socket.readyState === WebSocket.OPEN) {
      socket.send(say.value);
      say.value = "";
    }
  };
  connect();
}
if (dynamic === "true") {
  chat();
}

// ---- other tenants ----

$("forge").onclick = async () => {
  const other = tenant === "tenant2" ? "tenant1" : "tenant2";
  const forged = { tenant: other, "X-Forwarded-Host": `${other}.localhost`, Accept: "application/json" };
  try {
    const answer = await (await fetch(`${folder}/?forged`, { headers: forged, cache: "no-store" })).json();
    $("forged").textContent = `Sent the tenant ${other}. The application got a request for ${answer.tenant}: the edge dropped the forged headers.`;
  } catch (error) {
    $("forged").textContent = `No answer: ${error.message}`;
  }
};

new EventSource(`${folder}/events`).onmessage = event => { $("clock").textContent = event.data; };

// ---- the proof of the tenant header ----

setInterval(async () => {
  const response = await fetch(`${folder}/proof`, { cache: "no-store" }).catch(() => null);
  if (response && response.ok && !getSelection().containsNode($("proof"), true)) {
    $("proof").textContent = await response.text();
  }
}, 20000);
