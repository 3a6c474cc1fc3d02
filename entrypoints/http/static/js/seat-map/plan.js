// The seat plan: puts house, camera, painter, gestures, keyboard and lists together over one basket.

import { Camera } from "./camera.js";
import { Gestures } from "./gestures.js";
import { Grid } from "./grid.js";
import { HELD, House } from "./house.js";
import { Keyboard } from "./keyboard.js";
import { Painter, SEAT_PIXELS_SEEN } from "./painter.js";
import { PickedList } from "./picked-list.js";
import { SeatList } from "./seat-list.js";
import { leftAlone, startsOfRuns } from "./stranded.js";
import { Tip } from "./tip.js";

/** A finger is about this wide; a smaller seat is looked at first and chosen with the next tap. */
const SEAT_PIXELS_TOUCH = 20;
const SEAT_PIXELS_AFTER_TAP = 30;
const SEAT_PIXELS_MOUSE = 7;
const REACH = 7;
const REACH_FROM_AFAR = 60;
const SECTIONS_SHOWN_OPEN = 6;

/** Fetch the plan and bring it to life. Rejects when it cannot be had; the page then works without it. */
export async function openSeatPlan({ form, basket, money, say, goneKindly }) {
  const [response] = await Promise.all([fetch(form.dataset.mapUrl), document.readyState]);
  if (!response.ok) throw new Error(`the plan answered ${response.status}`);
  return new SeatPlan(new House(await response.json()), { form, basket, money, say, goneKindly });
}

class SeatPlan {
  #frame = 0;
  #hover = -1;
  #focus = -1;
  #alone = [];
  #told = [];

  constructor(house, { form, basket, money, say, goneKindly }) {
    Object.assign(this, { house, basket, money, say, goneKindly });
    this.colours = this.#coloursOfZones();
    this.element = document.getElementById("map");
    this.canvas = document.getElementById("map-canvas");
    this.voice = document.getElementById("map-voice");
    this.aloneNote = document.getElementById("alone");
    this.runs = form.dataset.runs ? startsOfRuns(form.dataset.runs) : null;
    this.#followSwitch(document.getElementById("accessible"));
    this.#keepServersChoice(form);
    this.#reveal(form);
    this.grid = new Grid(house);
    this.camera = new Camera(house.bounds);
    this.painter = new Painter(this.canvas, house, this.grid, this.camera);
    this.tip = new Tip(document.getElementById("map-tip"), this.element);
    this.list = new SeatList(document.getElementById("sections"), { house, basket, onToggle: (seat) => this.toggle(seat) });
    this.picked = new PickedList(document.getElementById("picked"), document.getElementById("picked-list"), { house, basket, money });
    new Gestures(this.canvas, this.camera, {
      onTap: (at, how) => this.#tap(at, how),
      onHover: (at) => this.#hoverAt(at),
    });
    this.keyboard = new Keyboard(this.canvas, {
      house,
      grid: this.grid,
      camera: this.camera,
      onFocusSeat: (seat) => this.#focusSeat(seat),
      onChoose: (seat) => this.toggle(seat, { speak: true }),
    });
    for (const tool of this.element.querySelectorAll("[data-zoom]")) tool.addEventListener("click", () => this.#zoom(tool.dataset.zoom));
    this.camera.addEventListener("move", () => this.redraw());
    basket.addEventListener("change", () => {
      this.#told = [];
      this.#judge();
      this.redraw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.painter.readTheme();
      this.redraw();
    });
    new ResizeObserver(() => this.#resize()).observe(this.canvas);
    this.#resize();
  }

  /** Seats chosen before this script ran (or before the page was left) stay chosen. */
  #keepServersChoice(form) {
    for (const box of form.querySelectorAll("input[name=seat]:checked")) {
      const [id, key] = box.value.split("~");
      const seat = this.house.indexOf.get(id);
      if (seat !== undefined) this.basket.seats.set(seat, key || this.house.tiersOf(seat)[0]?.key);
    }
  }

  /** The switch opens the kept seats on the plan and in the list; what it closes is given back. */
  #followSwitch(box) {
    if (!box) return;
    this.house.ask(box.checked);
    box.addEventListener("change", () => {
      this.house.ask(box.checked);
      const closed = [...this.basket.seats.keys()].filter((seat) => this.house.isKept(seat));
      for (const seat of closed) this.basket.removeSeat(seat);
      this.list.refreshAll();
      this.#showSigns();
      this.redraw();
    });
  }

  /** Signs on the legend that mean something in this house and at this moment. */
  #showSigns() {
    document.querySelector("[data-sign=kept]").hidden = this.house.asked || !this.house.someKept;
    document.querySelector("[data-sign=blocked]").hidden = !this.house.someBlocked;
  }

  /** What the choice as it is would leave alone is told before it is sent; the server decides. */
  #judge() {
    const { house, basket } = this;
    const found = this.runs ? leftAlone(this.runs, basket.seats.keys(), (seat) => house.isOrdinary(seat)) : [];
    this.#alone = [...new Set([...found, ...this.#told])];
    this.list.markAlone(this.#alone);
    const names = this.#alone.map((seat) => house.name(seat));
    const words = names.length ? `This would leave ${names.join("; ")} alone. Move by one seat, or take ${names.length === 1 ? "it" : "them"} too.` : "";
    if (this.aloneNote.textContent !== words) this.aloneNote.textContent = words;
    this.aloneNote.hidden = !words;
  }

  #reveal(form) {
    const seats = form.querySelector(".seats");
    seats.classList.add("has-map");
    const side = document.createElement("div");
    side.className = "side";
    const sections = document.getElementById("sections");
    sections.open = this.house.zones.length <= SECTIONS_SHOWN_OPEN || matchMedia("(min-width: 62rem)").matches;
    side.append(document.getElementById("picked"), sections);
    seats.append(side);
    const { left, right, top, bottom } = this.house.bounds;
    this.element.style.setProperty("--map-ratio", String((right - left) / (bottom - top)));
    this.element.hidden = false;
    for (const element of seats.querySelectorAll(".only-with-map")) element.hidden = false;
    for (const feature of ["accessible", "companion", "restricted"]) {
      seats.querySelector(`[data-sign=${feature}]`).hidden = !this.house.someHave(feature);
    }
  }

  #coloursOfZones() {
    return this.house.zones.map((zone) => zone.tiers[0]?.colour ?? -1);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = Math.min(3, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.camera.resize(width, height);
    this.redraw();
  }

  /** At most once a frame, however much happens. */
  redraw() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.painter.draw({
        chosen: this.basket.seats,
        alone: this.#alone,
        focus: this.#focus,
        hover: this.#hover,
        colourOf: (seat) => this.colours[this.house.zoneOf[seat]],
      });
      if (this.#focus >= 0) this.#showTip(this.#focus);
    });
  }

  // What the server tells.

  snapshot({ seats, zones }) {
    this.#changed(this.house.setAll(seats, zones));
    this.element.dataset.live = "true";
  }

  change({ seats, zones }) {
    this.#changed(this.house.setSome(seats, zones));
  }

  /** Seats (by id) that the server refused: somebody else has them. */
  taken(ids) {
    for (const id of ids) {
      const seat = this.house.indexOf.get(id);
      if (seat === undefined) continue;
      this.house.set(seat, HELD);
      this.basket.removeSeat(seat);
    }
    this.redraw();
  }

  /** Seats (by id) that the server says would be left alone. */
  leftAlone(ids) {
    this.#told = ids.map((id) => this.house.indexOf.get(id)).filter((seat) => seat !== undefined);
    if (this.#told.length) {
      const [seat] = this.#told;
      this.element.scrollIntoView({ block: "nearest" });
      this.camera.lookAt(this.house.x[seat], this.house.y[seat], Math.max(this.camera.seatPixels, SEAT_PIXELS_TOUCH));
    }
    this.#judge();
    this.redraw();
  }

  #changed(seats) {
    const gone = seats.filter((seat) => this.basket.seats.has(seat) && !this.house.isFree(seat));
    for (const seat of gone) this.basket.removeSeat(seat);
    if (gone.length) this.goneKindly(gone.map((seat) => this.house.name(seat)));
    this.list.update(seats);
    this.#judge();
    this.#showSigns();
    this.redraw();
  }

  // What the visitor does.

  toggle(seat, { speak = false } = {}) {
    const { basket, house } = this;
    if (basket.seats.has(seat)) {
      basket.removeSeat(seat);
      if (speak) this.voice.textContent = `${house.name(seat)} given back.`;
      return;
    }
    if (!house.canChoose(seat)) {
      if (speak) this.voice.textContent = `${house.name(seat)} is ${house.stateWords(seat)}.`;
      return;
    }
    const tiers = house.tiersOf(seat);
    const tier = tiers.find(({ key }) => !basket.refusesOneMore(key)) ?? tiers[0];
    const refusal = basket.refusesOneMore(tier.key);
    if (refusal) {
      this.say(refusal);
      return;
    }
    basket.addSeat(seat, tier.key);
    if (speak) this.voice.textContent = `${house.name(seat)} chosen, ${this.money(tier.price.total.amount)}.`;
  }

  #tap({ px, py }, { touch, twice }) {
    const { camera } = this;
    const { x, y } = camera.toMap(px, py);
    const least = touch ? SEAT_PIXELS_TOUCH : SEAT_PIXELS_MOUSE;
    if (camera.seatPixels < SEAT_PIXELS_SEEN || camera.seatPixels < Math.min(least, camera.fitScale * 10 * 4)) {
      this.#tapFromAfar(x, y, touch);
      return;
    }
    const seat = this.grid.nearest(x, y, REACH);
    if (seat >= 0) {
      this.toggle(seat);
      if (touch) this.#flash(seat);
    } else if (!this.#tapFloor(x, y) && twice) {
      camera.zoomAt(2, px, py, { glide: true });
    }
  }

  #tapFromAfar(x, y, touch) {
    if (this.#tapFloor(x, y)) return;
    const zone = this.#zoneAt(x, y);
    if (!zone && this.grid.nearest(x, y, REACH_FROM_AFAR) < 0) return;
    if (this.camera.seatPixels >= SEAT_PIXELS_SEEN || !zone) {
      this.camera.lookAt(x, y, touch ? SEAT_PIXELS_AFTER_TAP : SEAT_PIXELS_TOUCH);
      return;
    }
    const xs = zone.outline.map(([px]) => px);
    const ys = zone.outline.map(([, py]) => py);
    this.camera.lookAtBox(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
  }

  /** A tap on a standing floor leads to its ticket type. */
  #tapFloor(x, y) {
    const zone = this.#zoneAt(x, y);
    if (!zone || zone.reserved || !zone.tiers.length) return false;
    const row = document.querySelector(`.tier[data-tier="${CSS.escape(zone.tiers[0].key)}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.querySelector("input:not(:disabled)")?.focus({ preventScroll: true });
    return Boolean(row);
  }

  #zoneAt(x, y) {
    return this.house.zones.find(({ outline }) => contains(outline, x, y));
  }

  #hoverAt(at) {
    const near = at && this.camera.seatPixels >= SEAT_PIXELS_MOUSE;
    const point = near ? this.camera.toMap(at.px, at.py) : null;
    const seat = point ? this.grid.nearest(point.x, point.y, REACH) : -1;
    const zone = at && seat < 0 ? this.#zoneAt(...Object.values(this.camera.toMap(at.px, at.py))) : null;
    this.canvas.dataset.over = seat >= 0 || (zone && !near) ? "seat" : "";
    if (seat >= 0) this.#showTip(seat);
    else if (zone && !near && this.#focus < 0) this.#showZoneTip(zone, at);
    else if (this.#focus < 0) this.tip.hide();
    if (seat === this.#hover) return;
    this.#hover = seat;
    this.redraw();
  }

  #focusSeat(seat) {
    this.#focus = seat;
    if (seat < 0) {
      this.tip.hide();
    } else {
      const { title, lines } = this.#about(seat);
      this.voice.textContent = `${title}. ${lines.join(". ")}`;
    }
    this.redraw();
  }

  #flash(seat) {
    this.#showTip(seat);
    clearTimeout(this.flashTimer);
    this.flashTimer = setTimeout(() => this.tip.hide(), 1_600);
  }

  #showTip(seat) {
    this.tip.show(this.#about(seat), this.camera.toCanvas(this.house.x[seat], this.house.y[seat]));
  }

  #showZoneTip(zone, at) {
    const prices = zone.tiers.map((tier) => `${tier.name} ${this.money(tier.price.total.amount)}`);
    const left = zone.free ? `${zone.free.toLocaleString("en-US")} free` : House.leftWords(zone);
    this.tip.show({ title: zone.name, lines: [...prices, left] }, at);
  }

  #about(seat) {
    const { house, basket } = this;
    const chosen = basket.seats.get(seat);
    const lines = house.marks(seat).map((mark) => mark[0].toUpperCase() + mark.slice(1));
    if (chosen) lines.unshift(`Yours: ${basket.tiers.get(chosen).name}, ${this.money(basket.tiers.get(chosen).total)}`);
    else if (house.canChoose(seat)) lines.unshift(...house.tiersOf(seat).map((tier) => `${tier.name}, ${this.money(tier.price.total.amount)}`));
    else lines.unshift(house.isFree(seat) ? "Not for sale" : house.stateWords(seat)[0].toUpperCase() + house.stateWords(seat).slice(1));
    if (house.isKept(seat)) lines.push("Turn on “I need an accessible seat” to choose it");
    if (this.#alone.includes(seat)) lines.push("Your choice would leave it alone");
    return { title: house.name(seat), lines };
  }

  #zoom(how) {
    if (how === "fit") this.camera.fit();
    else this.camera.zoomAt(how === "in" ? 1.8 : 1 / 1.8, this.camera.width / 2, this.camera.height / 2, { glide: true });
  }
}

/** Whether a polygon contains a point (crossing number). */
function contains(outline, x, y) {
  let inside = false;
  for (let a = 0, b = outline.length - 1; a < outline.length; b = a, a += 1) {
    const [ax, ay] = outline[a];
    const [bx, by] = outline[b];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
