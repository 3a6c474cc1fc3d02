// Draws what is seen and nothing else: outlines from afar, seats from near, numbers and marks from very near.

import { BLOCKED, HELD, House } from "./house.js";
import { Sprites, drawTick } from "./sprites.js";

/** Below this many pixels a seat cannot be told from its neighbour: zones are drawn instead. */
export const SEAT_PIXELS_SEEN = 3.4;
/** From here on a seat has a shape, a direction and marks. */
const SEAT_PIXELS_STAMPED = 6.5;
const SEAT_PIXELS_NUMBERED = 17;
const LABEL_PIXELS = 12;
/** A bent section is narrower than its box: a name longer than this part of it would run over the edge. */
const LABEL_SHARE = 0.66;
const TIERS = 8;
/** Looks of small seats, after the colours of the ticket types. */
const [HELD_SPECK, GONE, YOURS] = [TIERS, TIERS + 1, TIERS + 2];

export class Painter {
  constructor(canvas, house, grid, camera) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.house = house;
    this.grid = grid;
    this.camera = camera;
    this.sprites = new Sprites();
    this.specks = Array.from({ length: TIERS + 3 }, () => []);
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
      sorry: colour("--sorry"),
      tiers: Array.from({ length: TIERS }, (_, index) => colour(`--tier-${index}`)),
      font: colour("--display"),
    };
  }

  /** @param {{chosen: Map<number, string>, alone: number[], focus: number, hover: number, colourOf: (seat: number) => number}} marks */
  draw(marks) {
    const { context, camera } = this;
    const ratio = this.canvas.width / camera.width;
    this.ratio = ratio;
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

  #seats(marks) {
    const { camera, context, ratio } = this;
    const { left, top, right, bottom } = camera.view;
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (camera.seatPixels < SEAT_PIXELS_STAMPED) this.#specks(marks, left, top, right, bottom);
    else this.#stamps(marks, left, top, right, bottom);
    context.setTransform(ratio * camera.scale, 0, 0, ratio * camera.scale, ratio * camera.x, ratio * camera.y);
  }

  /** Small seats by the ten thousand: squares of whole pixels, one colour after the other. */
  #specks({ chosen, colourOf }, left, top, right, bottom) {
    const { context, house, camera, ratio, theme, specks } = this;
    for (const list of specks) list.length = 0;
    this.grid.inside(left, top, right, bottom, (seat) => {
      const colour = house.isFree(seat) ? colourOf(seat) : -1;
      const waits = house.state[seat] === HELD || house.isKept(seat);
      specks[chosen.has(seat) ? YOURS : colour >= 0 ? colour : waits ? HELD_SPECK : GONE].push(seat);
    });
    const scale = camera.scale * ratio;
    const [dx, dy] = [camera.x * ratio, camera.y * ratio];
    specks.forEach((seats, look) => {
      const share = look === YOURS ? 1.1 : look === HELD_SPECK ? 0.5 : look === GONE ? 0.3 : 0.76;
      const size = Math.max(1, Math.round(10 * scale * share));
      const half = size / 2;
      context.fillStyle = look === YOURS ? theme.yours : look === HELD_SPECK ? theme.line : look === GONE ? theme.gone : theme.tiers[look];
      for (let place = 0; place < seats.length; place += 1) {
        const seat = seats[place];
        context.fillRect(Math.round(house.x[seat] * scale + dx - half), Math.round(house.y[seat] * scale + dy - half), size, size);
      }
    });
  }

  #stamps({ chosen, focus, hover, alone, colourOf }, left, top, right, bottom) {
    const { context, house, camera, ratio, theme, sprites } = this;
    const scale = camera.scale * ratio;
    const numbered = camera.seatPixels >= SEAT_PIXELS_NUMBERED;
    sprites.prepare(10 * scale, theme);
    const half = sprites.size / 2;
    this.grid.inside(left - 10, top - 10, right + 10, bottom + 10, (seat) => {
      const yours = chosen.has(seat);
      const look = yours ? "yours" : this.#look(seat, colourOf);
      const x = Math.round(house.x[seat] * scale + camera.x * ratio - half);
      const y = Math.round(house.y[seat] * scale + camera.y * ratio - half);
      context.drawImage(sprites.seat(look, house.turn[seat]), x, y);
      if (numbered && (yours || look.startsWith("tile") || look.startsWith("round"))) {
        context.drawImage(sprites.number(house.numbers[seat], yours ? theme.onYours : theme.ground), x, y);
      }
    });
    context.setTransform(scale, 0, 0, scale, camera.x * ratio, camera.y * ratio);
    if (!numbered) this.#ticks(chosen);
    for (const seat of alone) this.#alone(seat);
    for (const seat of [hover, focus]) if (seat >= 0 && seat < house.count) this.#ring(seat, seat === focus);
  }

  #look(seat, colourOf) {
    const state = this.house.state[seat];
    if (state === HELD) return "held";
    if (this.house.isKept(seat)) return "kept";
    const colour = this.house.isFree(seat) ? colourOf(seat) : -1;
    if (colour < 0) return state === BLOCKED || this.house.isFree(seat) ? "shut" : "gone";
    const features = this.house.features[seat];
    const shape = features & 1 ? "wheel" : features & 2 ? "round" : features & 4 ? "half" : "tile";
    return `${shape} ${colour}`;
  }

  #ticks(chosen) {
    const { context, house, theme } = this;
    for (const seat of chosen.keys()) {
      context.save();
      context.translate(house.x[seat], house.y[seat]);
      drawTick(context, theme);
      context.restore();
    }
  }

  #ring(seat, strong) {
    const { context, house, theme, camera } = this;
    context.save();
    context.translate(house.x[seat], house.y[seat]);
    context.rotate(house.angle[seat]);
    context.beginPath();
    context.roundRect(-5.6, -5.6, 11.2, 11.2, 2);
    context.lineWidth = (strong ? 3 : 2) / camera.scale;
    context.strokeStyle = theme.ink;
    context.stroke();
    context.restore();
  }

  /** A seat that the choice would leave between others: its own ring, and dashed, so that it is no focus. */
  #alone(seat) {
    const { context, house, theme, camera } = this;
    context.save();
    context.translate(house.x[seat], house.y[seat]);
    context.beginPath();
    context.arc(0, 0, 5.6, 0, Math.PI * 2);
    context.setLineDash([2.2, 1.6]);
    context.lineWidth = 2.5 / camera.scale;
    context.strokeStyle = theme.sorry;
    context.stroke();
    context.restore();
  }

  #chosenFromAfar({ chosen }) {
    if (!chosen.size) return;
    const { context, theme, camera } = this;
    const radius = 5 / camera.scale;
    context.beginPath();
    for (const seat of chosen.keys()) {
      context.moveTo(this.house.x[seat] + radius, this.house.y[seat]);
      context.arc(this.house.x[seat], this.house.y[seat], radius, 0, Math.PI * 2);
    }
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
    const short = context.measureText(text).width > width * LABEL_SHARE ? text.replace(/^\D+(?=\d)/, "") : text;
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
  return House.leftWords(zone).toLowerCase();
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
