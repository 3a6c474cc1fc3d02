// A countdown that is true to the server's clock, whatever this device's clock says, and after it slept.

const TICK_MS = 250;
export const SPOKEN_SECONDS = [300, 120, 60, 30, 10];

/** How far the server's clock is ahead of ours, from the moment its answer began to arrive. */
export function skewOf(serverNow) {
  const [navigation] = performance.getEntriesByType("navigation");
  const arrived = performance.timeOrigin + (navigation?.responseStart ?? performance.now());
  return Date.parse(serverNow) - arrived;
}

/** Calls `onSecond(secondsLeft)` each second and `onEnd()` once. Returns a function that stops it. */
export function countdown({ expiresAt, skew, onSecond, onEnd }) {
  const end = Date.parse(expiresAt);
  let shown = null;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now() - skew) / 1_000));
    if (left !== shown) {
      shown = left;
      onSecond(left);
    }
    if (left === 0) {
      clearInterval(timer);
      onEnd();
    }
  };
  const timer = setInterval(tick, TICK_MS);
  tick();
  return () => clearInterval(timer);
}

export function clockText(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function spoken(seconds) {
  if (seconds >= 60) return `${seconds / 60} ${seconds === 60 ? "minute" : "minutes"} left.`;
  return `${seconds} seconds left.`;
}
