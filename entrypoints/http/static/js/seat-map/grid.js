// Which seats are near a point or inside a rectangle, without looking at the others: cells of a uniform grid.

const CELL = 40;

export class Grid {
  constructor(house) {
    this.house = house;
    const { bounds } = house;
    this.left = bounds.left;
    this.top = bounds.top;
    this.columns = Math.max(1, Math.ceil((bounds.right - bounds.left) / CELL));
    this.rows = Math.max(1, Math.ceil((bounds.bottom - bounds.top) / CELL));
    // Seats sorted by cell; `start[cell]` is where a cell begins.
    this.start = new Uint32Array(this.columns * this.rows + 1);
    this.seats = new Uint32Array(house.count);
    for (let seat = 0; seat < house.count; seat += 1) this.start[this.#cellOf(seat) + 1] += 1;
    for (let cell = 1; cell < this.start.length; cell += 1) this.start[cell] += this.start[cell - 1];
    const next = this.start.slice();
    for (let seat = 0; seat < house.count; seat += 1) {
      const cell = this.#cellOf(seat);
      this.seats[next[cell]] = seat;
      next[cell] += 1;
    }
  }

  #cellOf(seat) {
    return this.#row(this.house.y[seat]) * this.columns + this.#column(this.house.x[seat]);
  }

  #column(x) {
    return Math.min(this.columns - 1, Math.max(0, Math.floor((x - this.left) / CELL)));
  }

  #row(y) {
    return Math.min(this.rows - 1, Math.max(0, Math.floor((y - this.top) / CELL)));
  }

  /** Calls `visit(seat)` for every seat whose cell touches the rectangle. */
  inside(left, top, right, bottom, visit) {
    const [first, last] = [this.#column(left), this.#column(right)];
    for (let row = this.#row(top); row <= this.#row(bottom); row += 1) {
      const begin = this.start[row * this.columns + first];
      const end = this.start[row * this.columns + last + 1];
      for (let place = begin; place < end; place += 1) visit(this.seats[place]);
    }
  }

  /** The seat nearest to a point within `radius` map units, or -1. */
  nearest(x, y, radius) {
    let [best, bestDistance] = [-1, radius * radius];
    this.inside(x - radius, y - radius, x + radius, y + radius, (seat) => {
      const distance = (this.house.x[seat] - x) ** 2 + (this.house.y[seat] - y) ** 2;
      if (distance <= bestDistance) [best, bestDistance] = [seat, distance];
    });
    return best;
  }

  /** The next seat from one in a direction (dx, dy), preferring those straight ahead, or -1 at the edge. */
  towards(from, dx, dy) {
    const [x, y] = [this.house.x[from], this.house.y[from]];
    const whole = CELL * Math.max(this.columns, this.rows);
    for (let reach = CELL; reach < whole * 2; reach *= 2) {
      let [best, bestCost] = [-1, Infinity];
      this.inside(x - reach, y - reach, x + reach, y + reach, (seat) => {
        const along = (this.house.x[seat] - x) * dx + (this.house.y[seat] - y) * dy;
        const aside = Math.abs((this.house.x[seat] - x) * dy) + Math.abs((this.house.y[seat] - y) * dx);
        if (seat === from || along <= 1 || aside > along * 1.2) return;
        const cost = along + aside * 2;
        if (cost < bestCost) [best, bestCost] = [seat, cost];
      });
      if (best !== -1) return best;
    }
    return -1;
  }
}
