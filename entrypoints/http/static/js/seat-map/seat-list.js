// Sections, rows and seats as a list that follows the same basket: for keyboards, screen readers, and small fingers.

import { House } from "./house.js";

export class SeatList {
  #boxes = new Map();
  #alone = new Set();

  constructor(container, { house, basket, onToggle }) {
    this.house = house;
    this.basket = basket;
    this.onToggle = onToggle;
    this.sections = new Map();
    for (const element of container.querySelectorAll(".section")) this.#adopt(element);
    basket.addEventListener("change", ({ detail }) => this.#refresh(detail?.seat));
  }

  #adopt(element) {
    const zone = this.house.zones.find(({ key }) => key === element.dataset.zone);
    const button = element.querySelector(".section-name");
    // The server's own rows were for visitors without scripts.
    element.querySelector(".section-rows")?.remove();
    const rows = document.createElement("div");
    rows.className = "section-rows";
    rows.id = `rows-${zone.key}`;
    rows.hidden = true;
    element.append(rows);
    button.type = "button";
    button.removeAttribute("name");
    button.setAttribute("aria-controls", rows.id);
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => this.#open(zone, button, rows));
    this.sections.set(zone.key, { zone, button, rows, left: element.querySelector("[data-zone-left]") });
  }

  #open(zone, button, rows) {
    const opening = rows.hidden;
    if (opening && !rows.childElementCount) rows.append(...this.house.rowsOf(zone).map((row) => this.#row(row)));
    rows.hidden = !opening;
    button.setAttribute("aria-expanded", String(opening));
  }

  #row({ name, seats }) {
    const field = document.createElement("fieldset");
    field.className = "seat-row";
    const legend = document.createElement("legend");
    legend.textContent = `Row ${name}`;
    const boxes = document.createElement("div");
    boxes.className = "seat-boxes";
    boxes.append(...seats.map((seat) => this.#box(seat)));
    field.append(legend, boxes);
    return field;
  }

  #box(seat) {
    const { house } = this;
    const label = document.createElement("label");
    label.className = "seat-box";
    for (const feature of ["accessible", "companion", "restricted"]) {
      if (house.has(seat, feature)) label.classList.add(feature === "restricted" ? "restricted_view" : feature);
    }
    const input = document.createElement("input");
    input.type = "checkbox";
    const number = document.createElement("span");
    number.textContent = house.numbers[seat];
    label.append(input, number);
    input.addEventListener("change", () => {
      this.onToggle(seat);
      this.#refresh(seat);
    });
    this.#boxes.set(seat, { label, input });
    this.#refresh(seat);
    return label;
  }

  #refresh(seat) {
    const box = this.#boxes.get(seat);
    if (!box) return;
    const chosen = this.basket.seats.has(seat);
    const free = this.house.canChoose(seat) || chosen;
    const kept = !free && this.house.isKept(seat);
    const shut = !free && this.house.isShut(seat);
    const alone = this.#alone.has(seat);
    box.input.checked = chosen;
    box.input.disabled = !free;
    box.input.setAttribute("aria-label", this.#spoken(seat, { unusual: kept || shut, alone }));
    box.label.classList.toggle("gone", !free && !kept && !shut);
    box.label.classList.toggle("shut", shut);
    box.label.classList.toggle("kept", kept);
    box.label.classList.toggle("alone", alone);
  }

  #spoken(seat, { unusual, alone }) {
    const { house } = this;
    const words = [`Row ${house.rows[seat]}, seat ${house.numbers[seat]}`, ...house.marks(seat)];
    if (unusual) words.push(house.stateWords(seat));
    if (alone) words.push("would be left alone");
    return words.join(", ");
  }

  /** Seats that the choice as it is would leave alone. */
  markAlone(seats) {
    const touched = new Set([...this.#alone, ...seats]);
    this.#alone = new Set(seats);
    for (const seat of touched) this.#refresh(seat);
  }

  /** Everything that was drawn, anew. */
  refreshAll() {
    this.update([...this.#boxes.keys()]);
  }

  /** New states of some seats, and new counts of what is free. */
  update(seats) {
    for (const seat of seats) this.#refresh(seat);
    for (const { zone, button, left } of this.sections.values()) {
      left.textContent = House.leftWords(zone);
      button.disabled = !zone.free && !zone.kept && button.getAttribute("aria-expanded") !== "true";
    }
  }
}
