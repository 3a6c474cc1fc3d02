// Fingers, mouse and wheel on the plan: drag moves, two fingers or the wheel zoom, a tap or click is told to `onTap`.

const TAP_MOVES_PX = 8;
const DOUBLE_TAP_MS = 300;
const WHEEL_ZOOM = 0.0022;

export class Gestures {
  #pointers = new Map();
  #moved = 0;
  #pinch = null;
  #lastTap = 0;

  constructor(canvas, camera, { onTap, onHover }) {
    this.canvas = canvas;
    this.camera = camera;
    this.onTap = onTap;
    this.onHover = onHover;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.onHover(null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // While the whole plan is shown, one finger scrolls the page; once zoomed in, it moves the plan.
    camera.addEventListener("move", () => canvas.toggleAttribute("data-zoomed", camera.zoomed));
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#at(event));
    this.canvas.setPointerCapture(event.pointerId);
    if (this.#pointers.size === 1) this.#moved = 0;
    this.#pinch = this.#pointers.size === 2 ? this.#spread() : null;
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    const now = this.#at(event);
    if (!before) {
      if (event.pointerType === "mouse") this.onHover(now);
      return;
    }
    this.#pointers.set(event.pointerId, now);
    this.#moved += Math.hypot(now.px - before.px, now.py - before.py);
    if (this.#pinch && this.#pointers.size === 2) {
      this.#moved = Infinity;
      const spread = this.#spread();
      this.camera.pan(spread.px - this.#pinch.px, spread.py - this.#pinch.py);
      this.camera.zoomAt(spread.distance / this.#pinch.distance, spread.px, spread.py);
      this.#pinch = spread;
    } else if (this.#moved > TAP_MOVES_PX) {
      this.canvas.toggleAttribute("data-dragging", true);
      this.camera.pan(now.px - before.px, now.py - before.py);
    }
  }

  #up(event) {
    const known = this.#pointers.delete(event.pointerId);
    this.canvas.toggleAttribute("data-dragging", false);
    this.#pinch = null;
    if (!known || event.type === "pointercancel" || this.#moved > TAP_MOVES_PX) return;
    const at = this.#at(event);
    const touch = event.pointerType !== "mouse";
    const now = performance.now();
    const twice = touch && now - this.#lastTap < DOUBLE_TAP_MS;
    this.#lastTap = now;
    this.onTap(at, { touch, twice });
  }

  /** The wheel belongs to the page, except with Ctrl (which is also how trackpads pinch) or when the plan has focus. */
  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.canvas) return;
    event.preventDefault();
    const { px, py } = this.#at(event);
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
    this.camera.zoomAt(Math.exp(-pixels * WHEEL_ZOOM * (event.ctrlKey ? 4 : 1)), px, py);
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { px: event.clientX - box.left, py: event.clientY - box.top };
  }

  #spread() {
    const [a, b] = [...this.#pointers.values()];
    return { px: (a.px + b.px) / 2, py: (a.py + b.py) / 2, distance: Math.max(1, Math.hypot(a.px - b.px, a.py - b.py)) };
  }
}
