// Keeps the inbox true without flicker: asks with the last ETag, and swaps only the live regions that changed.
const EVERY_MS = 1500;
let etag = null;

function isAtEnd(log) {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function showEnd() {
  const log = document.querySelector('[data-live="log"]');
  if (log) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  const headers = etag ? { "If-None-Match": etag } : {};
  const answer = await fetch(location.href, { headers, cache: "no-store" });
  if (answer.status !== 200) return;
  etag = answer.headers.get("ETag");
  const text = await answer.text();
  // Without its head: the new page's style carries a nonce that this page's policy does not know.
  const fresh = new DOMParser().parseFromString(text.slice(text.indexOf("<body")), "text/html");
  for (const region of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${region.dataset.live}"]`);
    if (!next || next.innerHTML === region.innerHTML) continue;
    const follow = isAtEnd(region);
    const focused = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    region.replaceChildren(...next.childNodes);
    if (focused) region.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    if (follow && region.dataset.live === "log") showEnd();
  }
}

async function loop() {
  try {
    if (!document.hidden) await refresh();
  } catch {
    // The sandbox is restarting; the next round finds it again.
    etag = null;
  }
  setTimeout(loop, EVERY_MS);
}

showEnd();
setTimeout(loop, EVERY_MS);
