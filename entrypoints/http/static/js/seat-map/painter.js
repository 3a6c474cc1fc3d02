// Draws what is seen and nothing else: outlines from afar, seats from near, numbers and marks from very near.
// Seats of the same look are one path, so that a frame of 20,000 seats is a handful of fills.

import { FREE, HELD } from "./house.js";

/** Below this many pixels a seat cannot be told from its neighbour: zones are drawn instead. */
export const SEAT_PIXELS_SEEN = 3.4;
const SEAT_PIXELS_ROUNDED = 7;
const SEAT_PIXELS_MARKED = 9;
const SEAT_PIXELS_NUMBERED = 17;
const TILE_SHARE = 0.78;
const LABEL_PIXELS = 12;

export class Painter {
  constructor(canvas, house, grid, camera) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.house = house;
    this.grid = grid;
    this.camera = camera;
    this.looks = new Map();
    this.readTheme();
  }

  readTheme() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.theme = {
      ground: colour("--map-ground"),
      line: colour("--map-line"),
      gone: colour("--map-gone"),
      label: colour("--map-label"),
      ink: colour("--ink"),
      soft: colour("--line-strong"),
      surface: colour("--surface"),
      sunken: colour("--sunken"),
      yours: colour("--yours"),
      onYours: colour("--on-yours"),
      tiers: Array.from({ length: 8 }, (_, index) => colour(`--tier-${index}`)),
      font: colour("--display"),
    };
  }

  /** @param {{chosen: Map<number, string>, focus: number, hover: number, colourOf: (seat: number) => number}} marks */
  draw(marks) {
    const { context, camera } = this;
    const ratio = this.canvas.width / camera.width;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.theme.ground;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(ratio * camera.scale, 0, 0, ratio * camera.scale, ratio * camera.x, ratio * camera.y);
    const near = camera.seatPixels >= SEAT_PIXELS_SEEN;
    for (const area of this.house.areas) this.#area(area);
    for (const zone of this.house.zones) this.#zone(zone, near);
    if (near) this.#seats(marks);
    else this.#chosenFromAfar(marks);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const area of this.house.areas) this.#label(area.outline, area.label, "");
    for (const zone of this.house.zones) {
      if (!zone.reserved || !near) this.#label(zone.outline, zone.name, freeWords(zone));
    }
  }

  #area({ outline }) {
    this.#trace(outline);
    this.context.fillStyle = this.theme.sunken;
    this.context.fill();
  }

  #zone(zone, near) {
    const { context, theme } = this;
    this.#trace(zone.outline);
    const colour = zone.tiers.length ? theme.tiers[zone.tiers[0].colour] : theme.gone;
    const solid = !zone.reserved || !near;
    if (solid) {
      context.globalAlpha = zone.free ? 0.2 + 0.32 * (zone.free / zone.capacity) : 0.06;
      context.fillStyle = colour;
      context.fill();
      context.globalAlpha = 1;
    }
    context.lineWidth = (solid ? 1.5 : 1) / this.camera.scale;
    context.strokeStyle = solid && zone.free ? colour : theme.line;
    context.stroke();
  }

  #trace(outline) {
    const { context } = this;
    context.beginPath();
    outline.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
  }

  #seats({ chosen, focus, hover, colourOf }) {
    const { house, camera, looks } = this;
    for (const list of looks.values()) list.length = 0;
    const { left, top, right, bottom } = camera.view;
    this.grid.inside(left, top, right, bottom, (seat) => {
      const look = chosen.has(seat) ? "yours" : this.#look(seat, colourOf);
      let list = looks.get(look);
      if (!list) looks.set(look, (list = []));
      list.push(seat);
    });
    for (const [look, list] of looks) if (list.length) this.#paint(look, list);
    if (camera.seatPixels >= SEAT_PIXELS_NUMBERED) this.#numbers(looks);
    for (const seat of [hover, focus]) if (seat >= 0 && seat < house.count) this.#ring(seat, seat === focus);
  }

  #look(seat, colourOf) {
    const state = this.house.state[seat];
    if (state === HELD) return "held";
    if (state !== FREE) return "gone";
    const colour = colourOf(seat);
    if (colour < 0) return "gone";
    const features = this.house.features[seat];
    const shape = features & 1 ? "wheel" : features & 2 ? "round" : features & 4 ? "half" : "tile";
    return `${shape} ${colour}`;
  }

  #paint(look, seats) {
    const { context, theme, camera } = this;
    const [shape, colour] = look.split(" ");
    const marked = camera.seatPixels >= SEAT_PIXELS_MARKED;
    context.beginPath();
    if (shape === "gone") {
      this.#dots(seats, 1.7);
      context.fillStyle = theme.gone;
      context.fill();
      return;
    }
    if (shape === "held") {
      this.#tiles(seats, 3.1);
      context.lineWidth = 1.1;
      context.strokeStyle = theme.soft;
      context.stroke();
      return;
    }
    const fill = shape === "yours" ? theme.yours : theme.tiers[Number(colour)];
    context.fillStyle = fill;
    context.strokeStyle = fill;
    context.lineJoin = "round";
    if (marked && (shape === "wheel" || shape === "round")) {
      this.#dots(seats, 4.3);
      context.fill();
      if (shape === "wheel") this.#wheelMarks(seats);
    } else if (marked && shape === "half") {
      this.#halves(seats);
      context.fill();
      context.beginPath();
      this.#tiles(seats, 3.6);
      context.lineWidth = 0.7;
      context.stroke();
    } else if (camera.seatPixels < SEAT_PIXELS_ROUNDED && shape !== "yours") {
      for (const seat of seats) context.rect(this.house.x[seat] - 3.9, this.house.y[seat] - 3.9, 7.8, 7.8);
      context.fill();
    } else {
      this.#tiles(seats, shape === "yours" ? 3.7 : 10 * TILE_SHARE * 0.5 - 0.9);
      context.fill();
      context.lineWidth = 1.8;
      context.stroke();
      if (shape === "yours") this.#ticks(seats);
    }
  }

  /** Squares turned the way their row runs. */
  #tiles(seats, half) {
    const { context, house } = this;
    for (const seat of seats) {
      const [x, y, angle] = [house.x[seat], house.y[seat], house.angle[seat]];
      const [c, s] = [Math.cos(angle) * half, Math.sin(angle) * half];
      context.moveTo(x - c + s, y - s - c);
      context.lineTo(x + c + s, y + s - c);
      context.lineTo(x + c - s, y + s + c);
      context.lineTo(x - c - s, y - s + c);
      context.closePath();
    }
  }

  #halves(seats) {
    const { context, house } = this;
    for (const seat of seats) {
      const [x, y] = [house.x[seat], house.y[seat]];
      context.moveTo(x - 3.6, y - 3.6);
      context.lineTo(x + 3.6, y - 3.6);
      context.lineTo(x - 3.6, y + 3.6);
      context.closePath();
    }
  }

  #dots(seats, radius) {
    const { context, house } = this;
    for (const seat of seats) {
      context.moveTo(house.x[seat] + radius, house.y[seat]);
      context.arc(house.x[seat], house.y[seat], radius, 0, Math.PI * 2);
    }
  }

  #wheelMarks(seats) {
    const { context, house, theme } = this;
    context.beginPath();
    for (const seat of seats) {
      const [x, y] = [house.x[seat], house.y[seat]];
      context.moveTo(x - 0.6, y - 2.2);
      context.lineTo(x - 0.6, y + 0.5);
      context.lineTo(x + 1.8, y + 0.5);
    }
    context.lineWidth = 1;
    context.lineCap = "round";
    context.strokeStyle = theme.ground;
    context.stroke();
  }

  #ticks(seats) {
    const { context, house, theme } = this;
    context.beginPath();
    this.#tiles(seats, 4.6);
    context.lineWidth = 0.9;
    context.strokeStyle = theme.ink;
    context.stroke();
    if (this.camera.seatPixels >= SEAT_PIXELS_NUMBERED) return;
    context.beginPath();
    for (const seat of seats) {
      const [x, y] = [house.x[seat], house.y[seat]];
      context.moveTo(x - 2, y + 0.1);
      context.lineTo(x - 0.5, y + 1.6);
      context.lineTo(x + 2.2, y - 1.5);
    }
    context.lineWidth = 1.2;
    context.lineCap = "round";
    context.strokeStyle = theme.onYours;
    context.stroke();
  }

  #numbers(looks) {
    const { context, house, theme } = this;
    context.font = `700 3.4px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [look, seats] of looks) {
      if (look === "gone" || look === "held" || look.startsWith("wheel") || look.startsWith("half")) continue;
      context.fillStyle = look === "yours" ? theme.onYours : theme.ground;
      for (const seat of seats) context.fillText(house.numbers[seat], house.x[seat], house.y[seat] + 0.2);
    }
  }

  #ring(seat, strong) {
    const { context, theme, camera } = this;
    context.beginPath();
    this.#tiles([seat], 5.6);
    context.lineWidth = (strong ? 3 : 2) / camera.scale;
    context.strokeStyle = theme.ink;
    context.stroke();
  }

  #chosenFromAfar({ chosen }) {
    if (!chosen.size) return;
    const { context, theme, camera } = this;
    const radius = 5 / camera.scale;
    context.beginPath();
    this.#dots([...chosen.keys()], radius);
    context.fillStyle = theme.yours;
    context.fill();
    context.lineWidth = 1.5 / camera.scale;
    context.strokeStyle = theme.ink;
    context.stroke();
  }

  /** A name in the middle of an outline, if it fits there; a second line below it if that fits too. */
  #label(outline, text, below) {
    const { context, camera, theme } = this;
    const box = boxOf(outline.map(([x, y]) => camera.toCanvas(x, y)));
    const [width, height] = [box.right - box.left, box.bottom - box.top];
    context.font = `700 ${LABEL_PIXELS}px ${theme.font}`;
    const short = context.measureText(text).width > width - 6 ? text.replace(/^\D+(?=\d)/, "") : text;
    if (context.measureText(short).width > width - 4 || height < LABEL_PIXELS + 4) return;
    const { px, py } = middleOf(outline, camera);
    const two = below && height > LABEL_PIXELS * 3 && width > 60;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = theme.ink;
    context.fillText(short, px, two ? py - 7 : py);
    if (!two) return;
    context.font = `400 ${LABEL_PIXELS - 1}px ${theme.font}`;
    context.fillStyle = theme.label;
    context.fillText(below, px, py + 8);
  }
}

function freeWords(zone) {
  if (!zone.free) return "sold out";
  return zone.free > 100 ? "available" : `${zone.free} left`;
}

function boxOf(points) {
  return {
    left: Math.min(...points.map(({ px }) => px)),
    right: Math.max(...points.map(({ px }) => px)),
    top: Math.min(...points.map(({ py }) => py)),
    bottom: Math.max(...points.map(({ py }) => py)),
  };
}

/** The centre of the area, which for a bent section lies better than the middle of its box. */
function middleOf(outline, camera) {
  let [twice, x, y] = [0, 0, 0];
  outline.forEach(([ax, ay], index) => {
    const [bx, by] = outline[(index + 1) % outline.length];
    const cross = ax * by - bx * ay;
    twice += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  });
  if (!twice) return camera.toCanvas(...outline[0]);
  return camera.toCanvas(x / (3 * twice), y / (3 * twice));
}
