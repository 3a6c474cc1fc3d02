// The rows of ticket types: steppers, what is left of each, and which are in the basket.

import { count } from "./money.js";

const PLENTY = 100;

export class TierRows {
  constructor(form, basket, say) {
    this.basket = basket;
    this.say = say;
    this.rows = new Map();
    for (const element of form.querySelectorAll(".tier")) this.#adopt(element);
    basket.addEventListener("change", () => this.show());
  }

  /** Read tiers off the server's rows, so that both tell the same. */
  static tiersOf(form) {
    return [...form.querySelectorAll(".tier")].map(({ dataset }) => ({
      key: dataset.tier,
      id: dataset.tierId,
      name: dataset.name,
      total: Number(dataset.totalMinor),
      atMost: "atMost" in dataset,
      min: Number(dataset.min),
      max: Number(dataset.max),
      reserved: dataset.reserved === "true",
      locked: dataset.locked === "true",
      closed: "closed" in dataset,
      free: null,
    }));
  }

  #adopt(element) {
    const key = element.dataset.tier;
    const input = element.querySelector("input[type=number]");
    const row = { element, input, left: element.querySelector("[data-left]"), steps: [...element.querySelectorAll(".step")] };
    this.rows.set(key, row);
    if (!input) return;
    for (const step of row.steps) {
      step.hidden = false;
      step.addEventListener("click", () => this.#step(key, Number(step.dataset.step)));
    }
    // Counted with every key, so that a change from outside finds it; corrected in the field when the typing is done.
    input.addEventListener("input", () => this.basket.setNumber(key, Number.parseInt(input.value, 10) || 0));
    input.addEventListener("change", () => {
      this.#set(key, Number.parseInt(input.value, 10) || 0);
      input.value = String(this.basket.numbers.get(key) ?? 0);
    });
    input.addEventListener("focus", () => input.select());
    const typed = Number.parseInt(input.value, 10) || 0;
    if (typed) this.basket.setNumber(key, typed);
  }

  /** One more or one less. A tier that is sold in pairs or more starts with its least number. */
  #step(key, by) {
    const now = this.basket.numbers.get(key) ?? 0;
    const { min } = this.basket.tiers.get(key);
    if (by > 0) {
      const refusal = this.basket.refusesOneMore(key);
      if (refusal) return this.say(refusal);
      return this.#set(key, Math.max(now + 1, min));
    }
    return this.#set(key, now - 1 < min ? 0 : now - 1);
  }

  #set(key, wanted) {
    const tier = this.basket.tiers.get(key);
    const number = this.basket.setNumber(key, wanted);
    if (wanted > number) {
      const most = Math.min(tier.max, this.basket.perOrderMax);
      this.say(number < most && tier.free !== null && number >= tier.free ? `${tier.name}: only ${number} left.` : `${tier.name}: ${count(number, "ticket")} is the most in this order.`);
    }
  }

  /** New counts of what is free, by tier id. */
  update(freeById) {
    for (const tier of this.basket.tiers.values()) {
      const free = freeById[tier.id];
      if (free === undefined) continue;
      tier.free = free;
      const chosen = this.basket.numbers.get(tier.key) ?? 0;
      if (chosen > free) {
        this.basket.setNumber(tier.key, free);
        this.say(free ? `Others were faster: only ${free} left of ${tier.name}, so we made it ${free}.` : `Others were faster: ${tier.name} is sold out just now.`);
      }
    }
    for (const { element } of this.rows.values()) {
      // It opens within seconds; until the page is loaded again there is nothing here to choose it with.
      if (freeById[element.dataset.waitsFor] === 0) element.querySelector(".tier-left").textContent = "Opens in a moment: load this page again";
    }
    this.show();
  }

  show() {
    for (const [key, { element, input, left, steps }] of this.rows) {
      const tier = this.basket.tiers.get(key);
      element.classList.toggle("has-tickets", this.basket.of(key) > 0);
      if (!input) continue;
      const number = this.basket.numbers.get(key) ?? 0;
      element.classList.toggle("has-number", number > 0);
      if (input !== document.activeElement) input.value = String(number);
      if (tier.free !== null) {
        left.textContent = tier.free === 0 ? "Sold out" : tier.free > PLENTY ? "Available" : `${tier.free} left`;
        input.disabled = tier.free === 0 && number === 0;
      }
      const [less, more] = steps;
      less.disabled = number === 0;
      more.disabled = input.disabled;
    }
  }
}
