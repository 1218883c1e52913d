// The console's only script: it replaces the parts of a page that change, from a stream
// of server-sent events. Without it, the pages work and show the state when they were
// opened.
"use strict";

(() => {
  const source = document.querySelector("[data-events]");
  const bar = document.querySelector("[data-live]");
  if (!source || !bar || !window.EventSource) return;
  const state = bar.querySelector("[data-live-state]");
  const pause = bar.querySelector("[data-live-pause]");
  const maxRecords = 500;
  let stream = null;
  let paused = false;
  let last = new URLSearchParams(source.dataset.events.split("?")[1] || "").get("after") || "";

  const say = (name, text) => {
    if (bar.dataset.live === name) return; // a status is announced only when it changes
    bar.dataset.live = name;
    state.textContent = text;
  };

  // A part that has the focus or a selection is not replaced under the reader's hands.
  const busy = (element) => {
    const selection = document.getSelection();
    return element.contains(document.activeElement) || (selection && !selection.isCollapsed && element.contains(selection.anchorNode));
  };

  const replace = (event) => {
    const part = JSON.parse(event.data);
    const element = document.getElementById(part.id);
    if (element && !busy(element)) element.innerHTML = part.html;
  };

  const prepend = (event) => {
    const part = JSON.parse(event.data);
    const list = document.getElementById(part.id);
    if (!list) return;
    last = event.lastEventId || last;
    list.insertAdjacentHTML("afterbegin", part.html);
    while (list.children.length > maxRecords) list.lastElementChild.remove();
    const empty = document.querySelector("[data-empty]");
    if (empty) empty.remove();
  };

  const close = () => {
    if (stream) stream.close();
    stream = null;
  };

  const open = () => {
    if (stream || paused || document.hidden) return;
    let address = source.dataset.events;
    if (last) address = address.replace(/after=\d*/, "after=" + last);
    stream = new EventSource(address);
    stream.onopen = () => say("on", "Live");
    stream.addEventListener("part", replace);
    stream.addEventListener("log", prepend);
    stream.addEventListener("ended", () => {
      close();
      paused = true;
      pause.hidden = true;
      say("off", "Your session has ended. Reload the page to sign in.");
    });
    stream.onerror = () => {
      say("off", "Not connected; trying again");
      if (stream && stream.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 10000);
      }
    };
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    if (paused) {
      close();
      say("paused", "Paused");
    } else {
      open();
    }
  });
  // Browsers allow few connections to a server: hidden pages give theirs up.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
