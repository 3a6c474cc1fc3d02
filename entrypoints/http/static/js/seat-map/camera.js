// Which part of the plan is seen: a scale (pixels a map unit) and where the plan's origin lies on the canvas.

import { SEAT_STEP } from "./house.js";

const PADDING = 14;
const SEAT_PIXELS_MAX = 46;
const GLIDE_MS = 220;

export class Camera extends EventTarget {
  constructor(bounds) {
    super();
    this.bounds = bounds;
    this.width = 1;
    this.height = 1;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.atRest = true;
  }

  get seatPixels() {
    return SEAT_STEP * this.scale;
  }

  get fitScale() {
    const { left, top, right, bottom } = this.bounds;
    return Math.min((this.width - 2 * PADDING) / (right - left), (this.height - 2 * PADDING) / (bottom - top));
  }

  get zoomed() {
    return this.scale > this.fitScale * 1.02;
  }

  resize(width, height) {
    const whole = !this.zoomed || this.width === 1;
    const middle = this.toMap(this.width / 2, this.height / 2);
    this.width = width;
    this.height = height;
    if (whole) this.#set(this.#fitted());
    else this.#set(this.#lookingAt(middle.x, middle.y, this.scale));
  }

  toMap(px, py) {
    return { x: (px - this.x) / this.scale, y: (py - this.y) / this.scale };
  }

  toCanvas(x, y) {
    return { px: x * this.scale + this.x, py: y * this.scale + this.y };
  }

  /** The seen part in map units. */
  get view() {
    const [a, b] = [this.toMap(0, 0), this.toMap(this.width, this.height)];
    return { left: a.x, top: a.y, right: b.x, bottom: b.y };
  }

  pan(dx, dy) {
    this.#set({ scale: this.scale, x: this.x + dx, y: this.y + dy });
  }

  /** Zoom so that what lies under (px, py) stays there. */
  zoomAt(factor, px, py, { glide = false } = {}) {
    const scale = this.#allowed(this.scale * factor);
    const { x, y } = this.toMap(px, py);
    this.#go({ scale, x: px - x * scale, y: py - y * scale }, glide);
  }

  /** Bring a point to the middle, at least so near that a seat has this many pixels. */
  lookAt(x, y, seatPixels) {
    this.#go(this.#lookingAt(x, y, this.#allowed(Math.max(this.scale, seatPixels / SEAT_STEP))), true);
  }

  /** Move only if the point is near the edge or outside. */
  keepInSight(x, y, margin = 48) {
    const { px, py } = this.toCanvas(x, y);
    const dx = px < margin ? margin - px : px > this.width - margin ? this.width - margin - px : 0;
    const dy = py < margin ? margin - py : py > this.height - margin ? this.height - margin - py : 0;
    if (dx || dy) this.pan(dx, dy);
  }

  lookAtBox(left, top, right, bottom) {
    const scale = Math.min((this.width - 2 * PADDING) / (right - left), (this.height - 2 * PADDING) / (bottom - top));
    this.#go(this.#lookingAt((left + right) / 2, (top + bottom) / 2, this.#allowed(scale)), true);
  }

  fit() {
    this.#go(this.#fitted(), true);
  }

  #fitted() {
    const { left, top, right, bottom } = this.bounds;
    return this.#lookingAt((left + right) / 2, (top + bottom) / 2, this.fitScale);
  }

  #lookingAt(x, y, scale) {
    return { scale, x: this.width / 2 - x * scale, y: this.height / 2 - y * scale };
  }

  #allowed(scale) {
    return Math.min(Math.max(scale, this.fitScale), Math.max(SEAT_PIXELS_MAX / SEAT_STEP, this.fitScale));
  }

  #go(goal, glide) {
    this.glide = null;
    if (!glide || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#set(goal);
      return;
    }
    const from = { scale: this.scale, x: this.x, y: this.y };
    const began = performance.now();
    const step = (now) => {
      if (this.glide !== step) return;
      const part = Math.min(1, (now - began) / GLIDE_MS);
      const eased = 1 - (1 - part) ** 3;
      this.atRest = part === 1;
      this.#set({
        scale: from.scale + (goal.scale - from.scale) * eased,
        x: from.x + (goal.x - from.x) * eased,
        y: from.y + (goal.y - from.y) * eased,
      });
      if (part < 1) requestAnimationFrame(step);
    };
    this.glide = step;
    requestAnimationFrame(step);
  }

  #set({ scale, x, y }) {
    const { left, top, right, bottom } = this.bounds;
    this.scale = scale;
    this.x = inside(x, this.width, left * scale, right * scale);
    this.y = inside(y, this.height, top * scale, bottom * scale);
    this.dispatchEvent(new Event("move"));
  }
}

/** Keep the plan on the canvas: centred while it is smaller, never beyond its own edge while it is larger. */
function inside(offset, size, low, high) {
  if (high - low <= size - 2 * PADDING) return (size - low - high) / 2;
  return Math.min(PADDING - low, Math.max(size - PADDING - high, offset));
}
