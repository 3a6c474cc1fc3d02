// "Your seats": each chosen seat with its price, its ticket type where there is a choice, and a way to give it back.
// The fields of this list are what the form sends.

export class PickedList {
  constructor(container, list, { house, basket, money }) {
    this.container = container;
    this.list = list;
    this.house = house;
    this.basket = basket;
    this.money = money;
    this.items = new Map();
    list.replaceChildren();
    basket.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    for (const [seat, item] of this.items) {
      if (this.basket.seats.has(seat)) continue;
      const hadFocus = item.contains(document.activeElement);
      const next = item.nextElementSibling ?? item.previousElementSibling;
      item.remove();
      this.items.delete(seat);
      if (hadFocus) (next?.querySelector("button") ?? document.getElementById("map-canvas"))?.focus();
    }
    for (const [seat, key] of this.basket.seats) {
      if (!this.items.has(seat)) this.#add(seat);
      this.#fill(seat, key);
    }
    this.container.hidden = this.items.size === 0;
  }

  #add(seat) {
    const item = document.createElement("li");
    item.className = "picked-row";
    const name = document.createElement("span");
    name.textContent = [this.house.name(seat), ...this.house.marks(seat)].join(", ");
    const price = document.createElement("span");
    price.className = "number";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "button button-plain";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${this.house.name(seat)}`);
    remove.addEventListener("click", () => this.basket.removeSeat(seat));
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "seat";
    item.append(name, price, remove, field);
    const tiers = this.house.tiersOf(seat);
    if (tiers.length > 1) item.append(this.#tierChoice(seat, tiers));
    this.items.set(seat, item);
    this.list.append(item);
  }

  #tierChoice(seat, tiers) {
    const select = document.createElement("select");
    select.className = "input";
    select.setAttribute("aria-label", `Ticket type of ${this.house.name(seat)}`);
    for (const tier of tiers) select.append(new Option(`${tier.name}, ${this.money(tier.price.total.amount)}`, tier.key));
    select.addEventListener("change", () => {
      const before = this.basket.seats.get(seat);
      const refusal = this.basket.of(select.value) >= this.basket.tiers.get(select.value).max;
      if (refusal) select.value = before;
      else this.basket.sellAs(seat, select.value);
    });
    return select;
  }

  #fill(seat, key) {
    const item = this.items.get(seat);
    item.querySelector(".number").textContent = this.money(this.basket.tiers.get(key).total);
    item.querySelector("input[name=seat]").value = `${this.house.ids[seat]}~${key}`;
    const select = item.querySelector("select");
    if (select) select.value = key;
  }
}
