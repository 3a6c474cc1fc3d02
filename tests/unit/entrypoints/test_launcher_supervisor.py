"""The supervisor, on small stand-in commands: order, restarts, bounds, and nothing left behind."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoints.launcher import supervisor as supervision
from entrypoints.launcher.console import Console
from entrypoints.launcher.errors import LaunchError
from entrypoints.launcher.process import ChildProcess, ProcessSpec, StartCancelledError
from entrypoints.launcher.supervisor import StopRequest, Supervisor
from tests.processes import descendants, eventually, is_alive

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux: /proc and PR_SET_PDEATHSIG")


class House:
    """A supervisor with a console that can be read and stand-in processes that report into a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = io.StringIO()
        self.stop_request = StopRequest()
        self.supervisor = Supervisor(console=Console(self.screen), stop_request=self.stop_request)
        self.diary = folder / "diary"
        self.diary.touch()

    def spec(self, name: str, body: str, **options: object) -> ProcessSpec:
        """A process that runs Python with ``note(word)`` at hand; it is ready once it has noted ``ready``."""
        prelude = (
            "import os, signal, sys, time\n"
            f"def note(word): open({str(self.diary)!r}, 'a').write(f'{name} {{word}} {{os.getpid()}}\\n')\n"
        )
        options.setdefault("is_ready", lambda _pid: f"{name} ready" in self.diary.read_text())
        return ProcessSpec(
            name=name,
            command=(sys.executable, "-S", "-c", prelude + body),
            log_path=self.folder / f"{name}.log",
            **options,  # type: ignore[arg-type]  # each test passes fields of the spec
        )

    def entries(self, word: str) -> list[str]:
        return [line.split()[0] for line in self.diary.read_text().splitlines() if line.split()[1] == word]

    def pids(self) -> list[int]:
        return [int(line.split()[2]) for line in self.diary.read_text().splitlines()]


OBEDIENT = """
def stop(*_):
    note('stopped')
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note('ready')
while True: time.sleep(1)
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('ready'); time.sleep(60)"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.supervisor.stop()
    assert not [pid for pid in house.pids() if is_alive(pid)]


def test_stages_start_in_order_and_stop_in_the_opposite_order(house: House) -> None:
    """Servers are there before what needs them, and still there while it stops."""
    house.supervisor.start([house.spec("server", OBEDIENT)])
    house.supervisor.start([house.spec("web", OBEDIENT), house.spec("worker", OBEDIENT)])

    house.supervisor.stop()

    assert house.entries("ready")[0] == "server"
    assert house.entries("stopped")[-1] == "server"
    assert set(house.entries("stopped")) == {"server", "web", "worker"}


def test_a_process_that_ignores_the_request_is_killed_after_its_grace(house: House) -> None:
    """Stopping is bounded, whatever a process does."""
    house.supervisor.start([house.spec("deaf", DEAF, stop_seconds=0.2)])
    began = time.monotonic()

    house.supervisor.stop()

    assert time.monotonic() - began < 2


def test_asking_twice_does_not_wait_for_the_grace(house: House) -> None:
    """A second Ctrl-C means now."""
    house.supervisor.start([house.spec("deaf", DEAF, stop_seconds=30)])
    house.stop_request.make()
    house.stop_request.make()
    began = time.monotonic()

    house.supervisor.stop()

    assert time.monotonic() - began < 2


def test_a_killed_process_ends_with_all_of_its_group(house: House) -> None:
    """What a process leaves behind when it is killed does not keep its port."""
    body = "pid = os.fork()\nnote('ready')\ntime.sleep(60)"
    process = ChildProcess(house.spec("parent", body))
    process.start()
    assert eventually(lambda: len(house.pids()) == 2, seconds=5)
    assert process.pid is not None

    os.kill(process.pid, signal.SIGKILL)

    assert eventually(lambda: process.exit_code() == -signal.SIGKILL, seconds=5)
    assert eventually(lambda: not any(map(is_alive, house.pids())), seconds=5)


def test_a_crashed_process_is_started_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One crash is an incident, not an outage; what it last said is shown."""
    monkeypatch.setattr(supervision, "RESTART_DELAY_SECONDS", 0.01)
    house.supervisor.start([house.spec("web", "print('alas', flush=True)\n" + OBEDIENT)])
    os.kill(house.pids()[0], signal.SIGKILL)

    def stop_when_started_again() -> None:
        eventually(lambda: len(house.entries("ready")) == 2, seconds=10)
        house.stop_request.make()

    onlooker = threading.Thread(target=stop_when_started_again)
    onlooker.start()
    house.supervisor.watch()
    onlooker.join()

    assert house.entries("ready") == ["web", "web"]
    assert "web was killed by SIGKILL; starting it again" in house.screen.getvalue()
    assert "web | alas" in house.screen.getvalue()


def test_a_process_that_will_not_stay_alive_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restarts are bounded: a hopeless process ends the whole, with one message."""
    monkeypatch.setattr(supervision, "RESTART_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(supervision, "WATCH_SECONDS", 0.01)
    house.supervisor.start([house.spec("web", "note('ready'); sys.exit('no database')", is_ready=lambda _pid: True)])

    with pytest.raises(LaunchError, match=r"web ended 6 times") as given_up:
        house.supervisor.watch()

    assert "no database" in str(given_up.value)


def test_an_end_before_readiness_is_an_error_with_the_end_of_the_log(house: House) -> None:
    """The reason is in the message; nobody has to go and find the log."""
    with pytest.raises(LaunchError, match=r"web ended with code 1 before it was ready") as refused:
        house.supervisor.start([house.spec("web", "sys.exit('the port is taken')")])

    assert "the port is taken" in str(refused.value)


def test_a_start_that_takes_too_long_is_an_error(house: House) -> None:
    """Waiting is bounded, too."""
    with pytest.raises(LaunchError, match=r"web was not ready within 0.3 s"):
        house.supervisor.start([house.spec("web", "time.sleep(60)", start_seconds=0.3)])


def test_an_early_end_may_be_tried_again(house: House) -> None:
    """A killed server's lock file may need a moment to go."""
    at_second_attempt = (
        "note('tried')\nif open('diary').read().count('tried') < 2: sys.exit(1)\nnote('ready'); time.sleep(60)"
    )
    spec = house.spec("postgres", at_second_attempt, retry_exit_seconds=5.0, working_directory=house.folder)

    house.supervisor.start([spec])

    assert house.entries("tried") == ["postgres", "postgres"]


def test_stopping_while_starting_is_obeyed(house: House) -> None:
    """Ctrl-C does not wait for the start to finish."""
    house.stop_request.make()

    with pytest.raises(StartCancelledError):
        house.supervisor.start([house.spec("web", "time.sleep(60)")])


@pytest.mark.parametrize("ignored", [True, False])
def test_a_closed_terminal_is_a_request_unless_somebody_said_nohup(ignored: bool) -> None:
    """Ctrl-C and SIGTERM always are."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.getsignal(name) for name in names}
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        request = StopRequest()
        request.listen()
        signal.raise_signal(signal.SIGHUP)
        assert request.is_made is not ignored
        signal.raise_signal(signal.SIGTERM)
        assert request.is_made
    finally:
        for name, action in before.items():
            signal.signal(name, action)


class HeardLate(StopRequest):
    """Ctrl-C reached a newborn child first: the request is seen only once that child is dead."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house

    @property
    def is_made(self) -> bool:
        return any(not is_alive(pid) for pid in self._house.pids())


@pytest.fixture(params=["in the foreground", "in the background"])
def started(request: pytest.FixtureRequest) -> Iterator[None]:
    """Shells without job control let what is in the background ignore Ctrl-C."""
    background = request.param == "in the background"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if background else signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("started")
def test_a_child_that_ends_with_us_has_not_failed(house: House) -> None:
    """A start that was called off is no error, whichever of the two dies first."""
    house.supervisor = Supervisor(console=Console(house.screen), stop_request=HeardLate(house))
    killed = "note('born'); os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"

    with pytest.raises(StartCancelledError):
        house.supervisor.run(house.spec("migrate", killed), doing="Migrating")
    house.diary.write_text("")
    with pytest.raises(StartCancelledError):
        house.supervisor.start([house.spec("web", killed)])


def test_a_command_that_fails_is_an_error(house: House) -> None:
    """A migration that did not run must not be followed by the web."""
    with pytest.raises(LaunchError, match=r"migrate ended with code 3"):
        house.supervisor.run(house.spec("migrate", "sys.exit(3)"), doing="Migrating")

    house.supervisor.run(house.spec("again", "note('done')"), doing="Migrating")
    assert house.entries("done") == ["again"]


SUPERVISED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.entrypoints.test_launcher_supervisor import House
house = House(Path({folder!r}))
body = '''
sys.path.insert(0, {root!r})
from entrypoints.launcher.tether import end_with_parent
if os.fork() == 0:
    end_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note('grandchild')
    time.sleep(60)
note('ready')
time.sleep(60)
'''
house.supervisor.start([house.spec('web', body), house.spec('worker', body)])
house.supervisor.watch()
"""


def test_a_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    """SIGKILL cannot be caught, so every child asks the kernel to end it; grandchildren do, too."""
    house = House(tmp_path)
    program = SUPERVISED.format(root=str(ROOT), folder=str(tmp_path))
    supervisor = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        assert eventually(lambda: len(house.entries("grandchild")) == 2, seconds=20)
        family = descendants(supervisor.pid)
        assert len(family) == 4
    finally:
        supervisor.kill()
        supervisor.wait()

    assert eventually(lambda: not any(map(is_alive, family)), seconds=5)
