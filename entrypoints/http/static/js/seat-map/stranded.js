// Which free seats a choice would leave alone: the same rule as the server's (domain/seat_rules.py), told before the
// choice is sent. The server stays the judge.

/**
 * @param {boolean[]} free of one run of neighbours, seat by seat: could anybody have it (the chosen ones included)?
 * @param {Set<number>} chosen offsets in the run
 * @returns {number[]} offsets of seats that would be alone though the same run had a better choice
 */
export function stranded(free, chosen) {
  const alone = [];
  let start = 0;
  while (start < free.length) {
    let end = start;
    while (free[end]) end += 1;
    if (end > start) alone.push(...strandedIn(start, end, chosen));
    start = end + 1;
  }
  return alone;
}

/** Each stretch of free seats is judged by itself; the one seat that is left of it when all others go is nobody's fault. */
function strandedIn(start, end, chosen) {
  const alone = [];
  let taken = 0;
  for (let seat = start; seat < end; seat += 1) {
    if (chosen.has(seat)) {
      taken += 1;
      continue;
    }
    const hasLeft = seat > start && !chosen.has(seat - 1);
    const hasRight = seat + 1 < end && !chosen.has(seat + 1);
    if (!hasLeft && !hasRight) alone.push(seat);
  }
  const unavoidable = end - start - taken === 1 ? 1 : 0;
  return taken && alone.length > unavoidable ? alone : [];
}

/** Where each run of neighbours begins, from `20x12 18x1 …` (length x how often), closed by the number of seats. */
export function startsOfRuns(text) {
  const starts = [0];
  for (const part of text.split(" ")) {
    const [length, times] = part.split("x").map(Number);
    for (let time = 0; time < times; time += 1) starts.push(starts.at(-1) + length);
  }
  return Uint32Array.from(starts);
}

/** Seats that the chosen ones would leave alone in the whole house. */
export function leftAlone(starts, chosen, isOrdinary) {
  const runs = new Map();
  for (const seat of chosen) {
    const run = runOf(starts, seat);
    if (!runs.has(run)) runs.set(run, new Set());
    runs.get(run).add(seat - starts[run]);
  }
  return [...runs].flatMap(([run, offsets]) => {
    const first = starts[run];
    const free = Array.from({ length: starts[run + 1] - first }, (_, offset) => isOrdinary(first + offset));
    return stranded(free, offsets).map((offset) => first + offset);
  });
}

function runOf(starts, seat) {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= seat) low = middle;
    else high = middle - 1;
  }
  return low;
}
