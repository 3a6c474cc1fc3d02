// What the visitor has chosen so far. Everything on the page that shows it listens to "change".

/**
 * Tiers by key: {key, id, name, total (minor units), atMost, min, max, reserved, closed, free}.
 * Seats are indexes of the seat plan; each is sold as one tier.
 */
export class Basket extends EventTarget {
  constructor(tiers, { perOrderMax }) {
    super();
    this.tiers = new Map(tiers.map((tier) => [tier.key, tier]));
    this.perOrderMax = perOrderMax;
    this.numbers = new Map();
    this.seats = new Map();
  }

  /** Tickets of one tier: its number field, and the seats that are sold as it. */
  of(key) {
    let chosen = this.numbers.get(key) ?? 0;
    for (const tier of this.seats.values()) chosen += tier === key ? 1 : 0;
    return chosen;
  }

  get size() {
    let all = this.seats.size;
    for (const number of this.numbers.values()) all += number;
    return all;
  }

  get total() {
    let sum = 0;
    for (const key of this.tiers.keys()) sum += this.of(key) * this.tiers.get(key).total;
    return sum;
  }

  /** Whether the sum depends on which section is found: it is then the most that it can be. */
  get isAtMost() {
    return [...this.tiers.values()].some((tier) => tier.atMost && this.of(tier.key) > 0);
  }

  /** Why one more ticket of a tier cannot be added, in words, or null. */
  refusesOneMore(key) {
    const tier = this.tiers.get(key);
    if (!tier || tier.closed) return `${tier?.name ?? "This"} is not on sale right now.`;
    if (this.size >= this.perOrderMax) return `One order takes ${this.perOrderMax} tickets at most.`;
    if (this.of(key) >= tier.max) return `${tier.name}: ${tier.max} in one order at most.`;
    return null;
  }

  setNumber(key, wanted) {
    const before = this.numbers.get(key) ?? 0;
    const tier = this.tiers.get(key);
    const room = Math.min(tier.max - this.of(key) + before, this.perOrderMax - this.size + before, tier.free ?? Infinity);
    const number = Math.max(0, Math.min(wanted, room));
    if (number) this.numbers.set(key, number);
    else this.numbers.delete(key);
    this.#changed({ cut: wanted > number });
    return number;
  }

  addSeat(index, key) {
    this.seats.set(index, key);
    this.#changed({ seat: index });
  }

  removeSeat(index) {
    if (this.seats.delete(index)) this.#changed({ seat: index });
  }

  sellAs(index, key) {
    this.seats.set(index, key);
    this.#changed({ seat: index });
  }

  #changed(detail) {
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }
}
