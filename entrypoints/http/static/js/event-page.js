// Choosing tickets with scripts: steppers, a running total, live availability, and the seat plan if there is one.
// The form stays an ordinary form: without this file it does the same, with more page loads.

import { Basket } from "./basket.js";
import { Live } from "./live.js";
import { count, moneyIn } from "./money.js";
import { reserve } from "./reserve.js";
import { TierRows } from "./tier-rows.js";

const SHOW_GONE_MS = 12_000;

const form = document.getElementById("choose");
const total = document.getElementById("total");
const note = document.getElementById("bar-note");
const button = document.getElementById("reserve");
const said = document.getElementById("said");

form.classList.add("enhanced");
document.documentElement.classList.add("enhanced");

const money = moneyIn(form.dataset.currency, Number(form.dataset.decimals));
const basket = new Basket(TierRows.tiersOf(form), { perOrderMax: Number(form.dataset.perOrderMax) });
const rows = new TierRows(form, basket, say);
let plan = null;
let leaving = false;
let goneLater = 0;

const live = new Live({
  streamUrl: form.dataset.streamUrl,
  availabilityUrl: form.dataset.availabilityUrl,
  onSnapshot: (snapshot) => {
    if (leaving) return;
    rows.update(snapshot.tiers);
    plan?.snapshot(snapshot);
  },
  onChange: (change) => {
    if (leaving) return;
    rows.update(change.tiers);
    plan?.change(change);
  },
});

basket.addEventListener("change", showTotal);
form.addEventListener("submit", submit);
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  leaving = false;
  showTotal();
});

rows.show();
showTotal();
if (form.dataset.reserved === "true") {
  openPlan();
} else {
  live.start();
}

/** The plan is big, so it comes after the page is useful; without it the list of sections does the same. */
async function openPlan() {
  try {
    const { openSeatPlan } = await import("./seat-map/plan.js");
    plan = await openSeatPlan({ form, basket, money, say, goneKindly });
  } catch (error) {
    console.warn("The seat plan could not be opened; the list of sections works without it.", error);
  }
  live.start();
}

function showTotal() {
  const size = basket.size;
  total.hidden = size === 0;
  total.textContent = size ? `${basket.isAtMost ? "up to " : ""}${money(basket.total)}` : "";
  note.textContent = size ? `${count(size, "ticket")}, all fees included` : "You see the total before you pay.";
  button.textContent = size ? `Reserve ${count(size, "ticket")}` : "Reserve";
  button.disabled = false;
  button.setAttribute("aria-disabled", String(size === 0));
}

async function submit(event) {
  event.preventDefault();
  if (basket.size === 0) {
    say("Choose at least one ticket first.");
    return;
  }
  leaving = true;
  // The form is read before its button is disabled: a disabled button's value would not be sent.
  const answer = reserve(form, button);
  button.disabled = true;
  button.textContent = "Reserving…";
  const refusal = await answer;
  if (!refusal) return;
  leaving = false;
  showTotal();
  say(refusal.title, refusal.text, { stay: true, focus: true });
  if (refusal.code === "access_code_required" || refusal.code.startsWith("code_")) document.getElementById("code")?.focus();
  plan?.taken(refusal.seats ?? []);
  plan?.leftAlone(refusal.alone ?? []);
  live.refresh().catch(() => {});
}

/** A seat that goes while it is chosen: said by name, and without blame. */
function goneKindly(names) {
  const one = names.length === 1;
  say(
    `${names.join("; ")} ${one ? "was" : "were"} just taken by someone else.`,
    `${one ? "It is" : "They are"} no longer in your choice. Everything else you chose is still here.`,
    { stay: true },
  );
}

/** One sentence above the choices, and to screen readers; it goes by itself unless it must stay. */
function say(title, text = "", { stay = false, focus = false } = {}) {
  const notice = document.createElement("div");
  notice.className = "notice notice-sorry";
  notice.tabIndex = -1;
  for (const [name, words] of [["notice-title", title], ["", text]]) {
    if (!words) continue;
    const paragraph = document.createElement("p");
    paragraph.className = name;
    paragraph.textContent = words;
    notice.append(paragraph);
  }
  said.replaceChildren(notice);
  said.classList.remove("said-floating");
  // The notice comes to where the eye is, so the page stays where it was.
  if (focus) notice.focus({ preventScroll: true });
  const box = said.getBoundingClientRect();
  said.classList.toggle("said-floating", box.bottom < 0 || box.top > innerHeight);
  clearTimeout(goneLater);
  goneLater = setTimeout(() => {
    said.classList.remove("said-floating");
    if (!stay) said.replaceChildren();
  }, SHOW_GONE_MS);
}
