// The reservation's page: its countdown, and a kind end.

import { SPOKEN_SECONDS, clockText, countdown, skewOf, spoken } from "./countdown.js";

const held = document.getElementById("held");
const clock = document.getElementById("clock");
const track = document.getElementById("track");
const voice = document.getElementById("clock-voice");
const over = document.getElementById("over");
const checkout = document.getElementById("checkout");
const moreTime = document.getElementById("more-time");
/** Less than this is too short to find the button when it is only heard of. */
const SECONDS_TO_ASK = 30;

const skew = skewOf(held.dataset.now);
const whole = Math.max(1, (Date.parse(held.dataset.expiresAt) - Date.parse(held.dataset.now)) / 1_000);

const stop = countdown({
  expiresAt: held.dataset.expiresAt,
  skew,
  onSecond: (left) => {
    clock.textContent = clockText(left);
    track.style.transform = `scaleX(${Math.min(1, left / whole)})`;
    if (SPOKEN_SECONDS.includes(left)) voice.textContent = `${spoken(left)}${moreTime && left >= SECONDS_TO_ASK ? " You can get more time." : ""}`;
  },
  onEnd: () => {
    held.hidden = true;
    document.getElementById("live").hidden = true;
    over.hidden = false;
    over.focus();
  },
});

(document.getElementById("problems") ?? document.getElementById("notice") ?? document.getElementById("extended"))?.focus();
// An answer to a form has the form's address; asking for that again would ask to send the form again.
history.replaceState(history.state, "", held.dataset.address);

checkout.addEventListener("submit", (event) => {
  // More time is asked for with the same form, by number: pressed twice, it is given once.
  if (event.submitter?.id === "more-time") return;
  if (checkout.dataset.sent) {
    event.preventDefault();
    return;
  }
  // The order gets its own time to pay, so this clock has done its work.
  checkout.dataset.sent = "true";
  stop();
  const pay = document.getElementById("pay");
  pay.setAttribute("aria-disabled", "true");
  pay.textContent = "One moment…";
});

// Coming back with the Back button shows a copy from memory; the truth is at the server.
addEventListener("pageshow", (event) => event.persisted && location.reload());
