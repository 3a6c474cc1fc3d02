"""Benchmarks, as ratios measured in one run on one machine: ``bin/bench [NAME …]``.

An absolute number says as much about the machine as about us, so each one stands beside a yardstick that was measured
in turn with it: a bare script, a bare route. Rounds alternate and the median is told.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median

ROUNDS = 3

BENCHES = {
    "inventory": ("tests.load.bench_inventory", "Hold scripts against a bare ten-line script, on the same Valkey."),
    "stream": (
        "tests.load.bench_stream",
        "How late 2,000 viewers see 200 holds a second, and whether truly.",
    ),
    "claims": ("tests.load.bench_claims", "Claims on one hot pool: a guarded counter against SKIP LOCKED on rows."),
    "refunds": ("tests.load.bench_refunds", "A batch of refunds through real processes, against the budget it has."),
    "http": ("tests.load.bench_http", "Holds and availability over HTTP against bare routes on the same server."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One comparison. Rates are per second; ``goal`` is the least ratio of ours to the yardstick, if one was set."""

    name: str
    ours: float
    yardstick: float
    goal: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.yardstick

    @property
    def reached(self) -> bool:
        return self.goal is None or self.ratio >= self.goal


def compare(
    name: str,
    *,
    ours: Callable[[], float],
    yardstick: Callable[[], float],
    goal: float | None = None,
    rounds: int = ROUNDS,
    note: str = "",
) -> Measurement:
    """Measure both in turn, so that a busy moment of the machine meets both."""
    pairs = [(yardstick(), ours()) for _ in range(rounds)]
    base, own = (median(rates) for rates in zip(*pairs, strict=True))
    return Measurement(name=name, ours=own, yardstick=base, goal=goal, note=note)


def report(measurements: Iterable[Measurement]) -> Iterator[str]:
    """A line each, told as soon as it is known."""
    yield f"{'':52} {'ours/s':>9} {'bare/s':>9} {'ratio':>6} {'goal':>5}"
    for one in measurements:
        goal = "" if one.goal is None else f"{one.goal:.2f}"
        verdict = "" if one.goal is None else ("reached" if one.reached else "MISSED")
        yield f"{one.name:52} {one.ours:9,.0f} {one.yardstick:9,.0f} {one.ratio:6.2f} {goal:>5} {verdict} {one.note}"


def main(arguments: list[str] | None = None) -> int:
    """Run the named benches (all without a name). Exit code 1 with --strict when a goal is missed."""
    described = "\n".join(f"  {name:12} {text}" for name, (_, text) in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description=__doc__,
        epilog=f"benches:\n{described}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benches to run; all when none is named")
    parser.add_argument(
        "--size", type=int, help="how many, for the one bench that is named (refunds: 1,000 if not said)"
    )
    parser.add_argument("--strict", action="store_true", help="fail when a goal is missed")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - BENCHES.keys():
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    if options.size and (options.names != ["refunds"] or options.size < 1):
        parser.error("--size is for refunds alone, and at least 1")
    missed = False

    def told(measurements: Iterable[Measurement]) -> Iterator[Measurement]:
        nonlocal missed
        for one in measurements:
            missed = missed or not one.reached
            yield one

    for name in options.names or BENCHES:
        module, text = BENCHES[name]
        print(f"\n{name}: {text}", flush=True)
        measure = importlib.import_module(module).measure
        for line in report(told(measure(options.size) if options.size else measure())):
            print(line, flush=True)
    return int(missed and options.strict)


if __name__ == "__main__":
    sys.exit(main())
