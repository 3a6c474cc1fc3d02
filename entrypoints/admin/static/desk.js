// What a script adds to the desk: numbers that stay true while one looks, keys for hands that never leave them, and
// buttons that are pressed once. Everything works without it.

const GO_SECONDS = 1.5;

function typing(target) {
  return target instanceof Element && target.closest("input, select, textarea, [contenteditable]") !== null;
}

// Live parts: `data-live` says every how many seconds. A part that holds the focus or a selection is left alone. Once
// the page has no such part any more, what it told of is over, and the whole page is shown anew.

function refresh(part) {
  const seconds = Number(part.dataset.live);
  let failures = 0;

  async function again() {
    if (!document.hidden && !part.contains(document.activeElement)) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Requested-With": "desk" } });
        if (answer.redirected || !answer.ok) throw new Error(`${answer.status}`);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-live]");
        if (!fresh) return location.reload();
        if (fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
          const scrolled = [...part.querySelectorAll(".table")].map((table) => [table.scrollLeft, table.scrollTop]);
          part.replaceChildren(...fresh.childNodes);
          part.querySelectorAll(".table").forEach((table, at) => table.scrollTo(...(scrolled[at] ?? [0, 0])));
        }
        failures = 0;
      } catch {
        failures += 1;
      }
    }
    schedule();
  }

  function schedule() {
    setTimeout(again, seconds * 1000 * 2 ** Math.min(failures, 5));
  }

  schedule();
}

document.querySelectorAll("[data-live]").forEach(refresh);

// Keys.

const rows = () => [...document.querySelectorAll("tr[data-row] .open")];

function step(by) {
  const links = rows();
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next].focus();
  links[next].scrollIntoView({ block: "nearest" });
}

let goUntil = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const going = event.timeStamp < goUntil;
  goUntil = 0;
  const target = going ? document.querySelector(`.rail nav a[data-key="${CSS.escape(event.key)}"]`) : null;
  if (target) {
    target.click();
  } else if (event.key === "g") {
    goUntil = event.timeStamp + GO_SECONDS * 1000;
  } else if (event.key === "/") {
    document.getElementById("finder").focus();
  } else if (event.key === "j") {
    step(1);
  } else if (event.key === "k") {
    step(-1);
  } else if (event.key === "?") {
    document.getElementById("keys").showModal();
  } else {
    return;
  }
  event.preventDefault();
});

document.getElementById("finder")?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.blur();
});

// A form that changes something is sent once, however often its button is pressed.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.querySelectorAll("button").forEach((button) => button.setAttribute("aria-disabled", "true"));
});

// Coming back with the browser's Back key shows the page as it was: let its forms be sent again.

window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll("button").forEach((button) => button.removeAttribute("aria-disabled"));
  });
});
