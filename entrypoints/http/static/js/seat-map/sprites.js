// Each look of a seat drawn once and then stamped: a path of ten thousand tiles costs seconds, as many stamps do not.
// A tile looks the same after a quarter turn, so that a few angles are enough for every curve of a house.

const ANGLES = 30;
const QUARTER = Math.PI / 2;
/** Room around a seat on its stamp, in seat steps: the mark of a chosen seat reaches a little beyond the tile. */
const STAMP_STEPS = 1.3;

export class Sprites {
  #stamps = new Map();
  #size = 0;
  #theme = null;

  /** @param {number} seatPixels device pixels between two seats */
  prepare(seatPixels, theme) {
    const size = Math.max(4, Math.ceil(seatPixels * STAMP_STEPS));
    if (size === this.#size && theme === this.#theme) return;
    this.#stamps.clear();
    this.#size = size;
    this.#theme = theme;
    this.unit = seatPixels / 10;
  }

  get size() {
    return this.#size;
  }

  static turn(angle) {
    const part = (((angle % QUARTER) + QUARTER) % QUARTER) / QUARTER;
    return Math.round(part * ANGLES) % ANGLES;
  }

  /** The stamp of a look ("tile 3", "yours", "held", …) turned by `turn` steps. */
  seat(look, turn) {
    return this.#stamp(`${look}@${turn}`, (context) => {
      const [shape, colour] = look.split(" ");
      const upright = shape === "kept" || shape === "wheel" || shape === "round" || shape === "half" || shape === "gone";
      if (!upright) context.rotate((turn / ANGLES) * QUARTER);
      SHAPES[shape](context, this.#theme, colour === undefined ? null : this.#theme.tiers[Number(colour)]);
    });
  }

  number(text, colour) {
    return this.#stamp(`${text}#${colour}`, (context) => {
      context.font = `700 3.4px ${this.#theme.font}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillStyle = colour;
      context.fillText(text, 0, 0.25);
    });
  }

  #stamp(key, draw) {
    let stamp = this.#stamps.get(key);
    if (stamp) return stamp;
    stamp = document.createElement("canvas");
    stamp.width = this.#size;
    stamp.height = this.#size;
    const context = stamp.getContext("2d");
    context.setTransform(this.unit, 0, 0, this.unit, this.#size / 2, this.#size / 2);
    draw(context);
    this.#stamps.set(key, stamp);
    return stamp;
  }
}

/** Every shape around (0, 0), in units of a tenth of a seat step. */
const SHAPES = {
  tile(context, theme, colour) {
    fillTile(context, 3.9, 1.1, colour);
  },
  yours(context, theme) {
    fillTile(context, 4.9, 1.5, theme.ink);
    fillTile(context, 4.1, 1.1, theme.yours);
  },
  held(context, theme) {
    context.beginPath();
    context.roundRect(-3.1, -3.1, 6.2, 6.2, 0.9);
    context.lineWidth = 1.1;
    context.strokeStyle = theme.soft;
    context.stroke();
  },
  kept(context, theme) {
    context.beginPath();
    context.arc(0, 0, 3.6, 0, Math.PI * 2);
    context.lineWidth = 1.1;
    context.strokeStyle = theme.soft;
    context.stroke();
  },
  shut(context, theme) {
    context.beginPath();
    context.moveTo(-2.6, 0);
    context.lineTo(2.6, 0);
    context.lineWidth = 1.2;
    context.strokeStyle = theme.soft;
    context.stroke();
  },
  gone(context, theme) {
    fillDot(context, 1.7, theme.gone);
  },
  round(context, theme, colour) {
    fillDot(context, 4.3, colour);
  },
  wheel(context, theme, colour) {
    fillDot(context, 4.3, colour);
    context.beginPath();
    context.moveTo(-0.6, -2.2);
    context.lineTo(-0.6, 0.5);
    context.lineTo(1.8, 0.5);
    context.lineWidth = 1;
    context.lineCap = "round";
    context.strokeStyle = theme.ground;
    context.stroke();
  },
  half(context, theme, colour) {
    context.beginPath();
    context.roundRect(-3.6, -3.6, 7.2, 7.2, 1);
    context.lineWidth = 0.8;
    context.strokeStyle = colour;
    context.stroke();
    context.clip();
    context.beginPath();
    context.moveTo(-4, -4);
    context.lineTo(4, -4);
    context.lineTo(-4, 4);
    context.closePath();
    context.fillStyle = colour;
    context.fill();
  },
};

/** The sign of what is chosen, for seats too small to carry a number. */
export function drawTick(context, theme) {
  context.beginPath();
  context.moveTo(-2, 0.1);
  context.lineTo(-0.5, 1.6);
  context.lineTo(2.2, -1.5);
  context.lineWidth = 1.2;
  context.lineCap = "round";
  context.strokeStyle = theme.onYours;
  context.stroke();
}

function fillTile(context, half, corner, colour) {
  context.beginPath();
  context.roundRect(-half, -half, 2 * half, 2 * half, corner);
  context.fillStyle = colour;
  context.fill();
}

function fillDot(context, radius, colour) {
  context.beginPath();
  context.arc(0, 0, radius, 0, Math.PI * 2);
  context.fillStyle = colour;
  context.fill();
}
