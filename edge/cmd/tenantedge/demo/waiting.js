"use strict";

const began = performance.now();

// A HEAD request also fails while the listeners change hands.
async function look() {
  document.getElementById("waited").textContent = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  const response = await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (response && response.status !== 503) {
    location.reload();
    return;
  }
  setTimeout(look, 250);
}
setTimeout(look, 250);
