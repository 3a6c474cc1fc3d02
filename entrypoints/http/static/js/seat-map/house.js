// The plan of the house as arrays, one entry a seat, so that 70,000 seats fit in a few hundred kilobytes.

import { Sprites } from "./sprites.js";

export const FREE = 0;
export const HELD = 1;
export const SOLD = 2;
export const BLOCKED = 3;
/** Free, for who asks for an accessible seat and for who comes along. */
export const KEPT = 4;

/** A letter that is not here is news to this script: such a seat cannot be chosen, and nobody says that it is taken. */
const STATE_OF_LETTER = { f: FREE, h: HELD, s: SOLD, b: BLOCKED, a: KEPT, c: KEPT };
const FEATURES = [
  [1, "accessible", "wheelchair space"],
  [2, "companion", "companion seat"],
  [4, "restricted", "restricted view"],
];

/** Above this, an exact number helps nobody to decide. */
const PLENTY = 100;

/** Map units between two neighbouring seats. */
export const SEAT_STEP = 10;

export class House {
  /** @param {object} plan the answer of /seat-map */
  constructor(plan) {
    const { seats } = plan;
    this.width = plan.width;
    this.height = plan.height;
    this.areas = plan.areas;
    this.count = seats.id.length;
    this.ids = seats.id;
    this.rows = seats.row;
    this.numbers = seats.number;
    this.x = Float32Array.from(seats.x);
    this.y = Float32Array.from(seats.y);
    this.zoneOf = Uint16Array.from(seats.zone);
    this.features = Uint8Array.from(seats.features);
    this.state = new Uint8Array(this.count).fill(HELD);
    this.asked = false;
    this.angle = this.#angles();
    this.turn = Uint8Array.from(this.angle, Sprites.turn);
    this.tiers = plan.tiers.map((tier, position) => ({ ...tier, colour: position % 8, locked: tier.access_code_required }));
    this.zones = plan.zones.map((zone, index) => this.#zone(zone, index));
    this.bounds = this.#bounds();
    this.indexOf = new Map(this.ids.map((id, index) => [id, index]));
  }

  /** Tiers that sell a zone, the ordinary one first: the same order as the server's. */
  #zone(zone, index) {
    const tiers = zone.tiers
      .map((id) => this.tiers.findIndex((tier) => tier.id === id))
      .sort((a, b) => this.tiers[a].locked - this.tiers[b].locked || a - b)
      .map((position) => this.tiers[position]);
    return { ...zone, index, tiers, free: 0, open: 0, kept: 0, reserved: zone.kind === "reserved", first: zone.first ?? 0 };
  }

  #bounds() {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    const outlines = [...this.areas, ...this.zones].flatMap((each) => each.outline);
    for (const [x, y] of outlines) {
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    for (let seat = 0; seat < this.count; seat += 1) {
      left = Math.min(left, this.x[seat]);
      right = Math.max(right, this.x[seat]);
      top = Math.min(top, this.y[seat]);
      bottom = Math.max(bottom, this.y[seat]);
    }
    return { left: left - SEAT_STEP, top: top - SEAT_STEP, right: right + SEAT_STEP, bottom: bottom + SEAT_STEP };
  }

  /** The direction of each seat's row where it stands, so that curved rows are drawn as curves. */
  #angles() {
    const angles = new Float32Array(this.count);
    for (let seat = 0; seat < this.count; seat += 1) {
      const before = seat > 0 && this.#neighbours(seat - 1, seat) ? seat - 1 : seat;
      const after = seat + 1 < this.count && this.#neighbours(seat, seat + 1) ? seat + 1 : seat;
      if (before !== after) angles[seat] = Math.atan2(this.y[after] - this.y[before], this.x[after] - this.x[before]);
    }
    return angles;
  }

  #neighbours(a, b) {
    const [reach, dx, dy] = [SEAT_STEP * 2.2, this.x[a] - this.x[b], this.y[a] - this.y[b]];
    return dx * dx + dy * dy < reach * reach && this.rows[a] === this.rows[b];
  }

  /** Everything anew. Answers the seats whose state differs. */
  setAll(letters, free) {
    const changed = [];
    for (let seat = 0; seat < this.count; seat += 1) {
      const state = STATE_OF_LETTER[letters[seat]] ?? BLOCKED;
      if (state === this.state[seat]) continue;
      changed.push(seat);
      this.set(seat, state);
    }
    this.#setFree(free);
    return changed;
  }

  setSome(pairs, free) {
    for (const [seat, letter] of pairs) this.set(seat, STATE_OF_LETTER[letter] ?? BLOCKED);
    this.#setFree(free);
    return pairs.map(([seat]) => seat);
  }

  set(seat, state) {
    const zone = this.zone(seat);
    zone.open += (state === FREE) - (this.state[seat] === FREE);
    zone.kept += (state === KEPT) - (this.state[seat] === KEPT);
    this.state[seat] = state;
  }

  /** Whether the visitor asked for an accessible seat, which opens those that are kept. */
  ask(asked) {
    this.asked = asked;
    this.#setFree({});
  }

  /** Seats are counted by their letters, so that the number is what this visitor could choose; floors as we are told. */
  #setFree(free) {
    for (const zone of this.zones) {
      if (zone.reserved) zone.free = zone.open + (this.asked ? zone.kept : 0);
      else zone.free = free[zone.key] ?? zone.free;
    }
  }

  isFree(seat) {
    return this.state[seat] === FREE || (this.asked && this.state[seat] === KEPT);
  }

  isKept(seat) {
    return this.state[seat] === KEPT && !this.asked;
  }

  isShut(seat) {
    return this.state[seat] === BLOCKED;
  }

  isOrdinary(seat) {
    return this.state[seat] === FREE;
  }

  get someKept() {
    return this.zones.some((zone) => zone.kept > 0);
  }

  get someBlocked() {
    return this.state.includes(BLOCKED);
  }

  /** A seat somebody could choose: free, and of a zone that some tier sells. */
  canChoose(seat) {
    return this.isFree(seat) && this.tiersOf(seat).length > 0;
  }

  zone(seat) {
    return this.zones[this.zoneOf[seat]];
  }

  tiersOf(seat) {
    return this.zone(seat).tiers;
  }

  name(seat) {
    return `${this.zone(seat).name}, row ${this.rows[seat]}, seat ${this.numbers[seat]}`;
  }

  marks(seat) {
    return FEATURES.filter(([bit]) => this.features[seat] & bit).map(([, , words]) => words);
  }

  has(seat, feature) {
    const [bit] = FEATURES.find(([, name]) => name === feature);
    return (this.features[seat] & bit) !== 0;
  }

  someHave(feature) {
    for (let seat = 0; seat < this.count; seat += 1) if (this.has(seat, feature)) return true;
    return false;
  }

  stateWords(seat) {
    return ["free", "held by someone for now", "taken", "not for sale", "kept for wheelchair users and companions"][this.state[seat]];
  }

  /** How much of a section there is for this visitor: the same words on the plan and in the list. */
  static leftWords({ free, kept }) {
    if (free > PLENTY) return "Available";
    if (free) return `${free} left`;
    return kept ? `${kept} kept` : "Sold out";
  }

  /** Seats of a zone as rows, in reading order. */
  rowsOf(zone) {
    const rows = [];
    for (let seat = zone.first; seat < zone.first + zone.count; seat += 1) {
      if (rows.at(-1)?.name !== this.rows[seat]) rows.push({ name: this.rows[seat], seats: [] });
      rows.at(-1).seats.push(seat);
    }
    return rows;
  }
}
