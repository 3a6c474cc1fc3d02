// The small card beside a seat: where it is, what it costs, what must be known of it.

const GAP = 14;

export class Tip {
  constructor(element, frame) {
    this.element = element;
    this.frame = frame;
  }

  show({ title, lines }, { px, py }) {
    const strong = document.createElement("strong");
    strong.textContent = title;
    this.element.replaceChildren(strong, ...lines.flatMap((line, index) => (index ? [document.createElement("br"), line] : [line])));
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const x = Math.min(Math.max(4, px - width / 2), this.frame.clientWidth - width - 4);
    const y = py - height - GAP < 4 ? py + GAP : py - height - GAP;
    this.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  hide() {
    this.element.hidden = true;
  }
}
