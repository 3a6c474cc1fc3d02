// The order's page follows its payment by itself: it asks for the changing part again, less and less often.

import { clockText, countdown, skewOf } from "./countdown.js";

const ASK_MS_FIRST = 1_000;
const ASK_MS_MAX = 15_000;
const ASK_GROWTH = 1.35;

const page = document.getElementById("order");
const voice = document.getElementById("order-voice");
const skew = skewOf(page.dataset.now);
let stopClock = () => {};
let etag = "";
let wait = ASK_MS_FIRST;
let timer = 0;

enhance();
askLater();
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  wait = ASK_MS_FIRST;
  ask();
});
addEventListener("pageshow", (event) => event.persisted && location.reload());

function body() {
  return page.querySelector(".order-body");
}

function askLater() {
  clearTimeout(timer);
  if (body().dataset.waiting !== "true") return;
  timer = setTimeout(ask, wait);
  wait = Math.min(wait * ASK_GROWTH, ASK_MS_MAX);
}

async function ask() {
  clearTimeout(timer);
  if (document.hidden || body().dataset.waiting !== "true") return;
  try {
    const response = await fetch(page.dataset.fragmentUrl, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
    if (response.ok) {
      etag = response.headers.get("ETag") ?? "";
      show(await response.text());
    }
  } catch {
    // No connection: the next question may find one. What is shown stays true until then.
  }
  askLater();
}

function show(html) {
  const before = body();
  const next = new DOMParser().parseFromString(html, "text/html").querySelector(".order-body");
  if (!next || sameAs(before, next)) return;
  const hadFocus = before.contains(document.activeElement);
  before.replaceWith(next);
  wait = ASK_MS_FIRST;
  enhance();
  const title = next.querySelector("h1");
  voice.textContent = `${title.textContent} ${next.querySelector(".told-text").textContent}`;
  if (hadFocus) {
    title.tabIndex = -1;
    title.focus();
  }
}

function sameAs(before, next) {
  return ["stage", "state", "waiting", "facts"].every((key) => before.dataset[key] === next.dataset[key]);
}

/** What only works with scripts appears now: the clock, printing, telling a friend. */
function enhance() {
  stopClock();
  const timed = body().querySelector("[data-expires-at]");
  if (timed) {
    const clock = timed.querySelector("[data-clock]");
    timed.hidden = false;
    stopClock = countdown({
      expiresAt: timed.dataset.expiresAt,
      skew,
      onSecond: (left) => (clock.textContent = clockText(left)),
      onEnd: () => ask(),
    });
  }
  for (const doing of body().querySelectorAll("[data-needs]")) {
    if (doing.dataset.needs === "print") {
      doing.hidden = false;
      doing.querySelector("button").addEventListener("click", () => print());
    }
    if (doing.dataset.needs === "share" && navigator.share) {
      doing.hidden = false;
      // The event's page, never this one: whoever has this link has the tickets.
      const url = new URL(doing.dataset.url, location.href).href;
      doing.querySelector("button").addEventListener("click", () => navigator.share({ title: doing.dataset.title, url }).catch(() => {}));
    }
  }
}
