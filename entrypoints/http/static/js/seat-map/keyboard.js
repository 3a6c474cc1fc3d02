// The plan without a mouse: arrows walk from seat to seat, Enter or Space chooses, + - 0 zoom, Escape leaves the seat.

const SEAT_PIXELS_WALKING = 20;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Keyboard {
  constructor(canvas, { house, grid, camera, onFocusSeat, onChoose }) {
    this.house = house;
    this.grid = grid;
    this.camera = camera;
    this.onFocusSeat = onFocusSeat;
    this.seat = -1;
    canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (this.#press(event.key, onChoose)) event.preventDefault();
    });
    canvas.addEventListener("blur", () => this.#at(-1));
  }

  #press(key, onChoose) {
    if (key in STEPS) {
      this.#walk(...STEPS[key]);
      return true;
    }
    if ((key === "Enter" || key === " ") && this.seat >= 0) {
      onChoose(this.seat);
      return true;
    }
    if (key === "+" || key === "=" || key === "-") {
      const middle = this.seat >= 0 ? this.camera.toCanvas(this.house.x[this.seat], this.house.y[this.seat]) : { px: this.camera.width / 2, py: this.camera.height / 2 };
      this.camera.zoomAt(key === "-" ? 1 / 1.5 : 1.5, middle.px, middle.py, { glide: true });
      return true;
    }
    if (key === "0") {
      this.camera.fit();
      return true;
    }
    if (key === "Escape" && this.seat >= 0) {
      this.#at(-1);
      return true;
    }
    return false;
  }

  #walk(dx, dy) {
    const next = this.seat < 0 ? this.#first() : this.grid.towards(this.seat, dx, dy);
    if (next < 0) return;
    const [x, y] = [this.house.x[next], this.house.y[next]];
    if (this.camera.seatPixels < SEAT_PIXELS_WALKING) this.camera.lookAt(x, y, SEAT_PIXELS_WALKING);
    else this.camera.keepInSight(x, y);
    this.#at(next);
  }

  /** The free seat nearest to the middle of what is seen, else any. */
  #first() {
    const { x, y } = this.camera.toMap(this.camera.width / 2, this.camera.height / 2);
    let [best, distance] = [-1, Infinity];
    for (let seat = 0; seat < this.house.count; seat += 1) {
      const away = (this.house.x[seat] - x) ** 2 + (this.house.y[seat] - y) ** 2 + (this.house.canChoose(seat) ? 0 : 1e9);
      if (away < distance) [best, distance] = [seat, away];
    }
    return best;
  }

  #at(seat) {
    this.seat = seat;
    this.onFocusSeat(seat);
  }
}
