"""``tessera up`` as its user meets it: the real processes, started, looked at, stopped, killed."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrypoints.launcher.data_directory import Credentials
from entrypoints.launcher.process import accepts_connections, port_is_free
from tests.processes import descendants, eventually, is_alive, three_free_ports
from tests.servers import scratch_directory

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux: it looks into /proc"),
    pytest.mark.xdist_group("houses of its own"),
    pytest.mark.timeout(400),
]

START_SECONDS_MAX = 120
RESTART_SECONDS_MAX = 10
STOP_SECONDS_MAX = 10
ORPHAN_SECONDS_MAX = 10
TESSERA = (sys.executable, "-P", "-m", "entrypoints.cli")


class House:
    """One ``tessera up`` and what it says."""

    def __init__(self, data: Path, *options: str, port: int | None = None) -> None:
        self.data = data
        self.port = port or three_free_ports()
        self.screen = data.with_name(f"{data.name}.{time.monotonic_ns()}.screen")
        clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        arguments = ("up", "--data-dir", str(data), "--port", str(self.port), *options)
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                [*TESSERA, *arguments],
                stdout=screen,
                stderr=subprocess.STDOUT,
                env=clean,
                cwd=data.parent,
                process_group=0,
            )

    def said(self) -> str:
        return self.screen.read_text()

    def wait_until_up(self) -> float:
        """Seconds until the summary is printed."""
        began = time.monotonic()
        up_or_over = lambda: "Ctrl-C stops" in self.said() or self.process.poll() is not None  # noqa: E731
        assert eventually(up_or_over, seconds=START_SECONDS_MAX), self.said()
        assert self.process.poll() is None, self.said()
        return time.monotonic() - began

    def get(self, path: str, *, port: int | None = None) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another ``tessera`` command beside this house, configured by its data directory alone."""
        clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        environ = {**clean, "DATA_DIR": str(self.data)}
        return subprocess.run([*TESSERA, *arguments], env=environ, capture_output=True, text=True, check=False)

    def stop(self) -> float:
        """Seconds from SIGTERM to the end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def end(self) -> None:
        """Kill the supervisor, if it still runs, and wait until the kernel has ended its family."""
        if self.process.poll() is None:
            family = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            assert eventually(lambda: not any(map(is_alive, family)), seconds=ORPHAN_SECONDS_MAX)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house without the demo that the tests below only look at."""
    with scratch_directory() as folder:
        house = House(folder / "data", "--no-demo")
        try:
            house.wait_until_up()
            yield house
        finally:
            if house.process.poll() is None:
                house.stop()
            house.end()


def listening_addresses(pids: set[int]) -> set[str]:
    """The local addresses on which any of these processes listens, IPv4 and IPv6."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                inodes.add(found[1])
    addresses = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                words = bytes.fromhex(fields[1].partition(":")[0])
                octets = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
                addresses.add(socket.inet_ntop(family, octets))
    return addresses


def test_everything_answers_where_the_summary_says(house: House) -> None:
    """One command, and the storefront, the admin portal, the API's description, stream and sandbox are there."""
    assert house.get("/")[0] == 200
    assert house.get("/docs")[0] == 200
    assert house.get("/admin/")[0] in {200, 302}
    assert house.get("/readyz") == (200, house.get("/readyz")[1])
    assert accepts_connections(house.port + 1)
    assert house.get("/", port=house.port + 2)[0] == 200
    said = house.said()
    for part in (f"http://127.0.0.1:{house.port}", "/admin", "/docs", "embedded", "sandbox", str(house.data / "logs")):
        assert part in said
    password = json.loads((house.data / "credentials.json").read_text())["admin_password"]
    assert password in said


def test_everything_listens_on_the_loopback_address_only(house: House) -> None:
    """A demo on a laptop in a café is nobody else's."""
    assert listening_addresses(descendants(house.process.pid)) == {"127.0.0.1"}


def test_a_second_start_on_the_same_data_is_refused(house: House) -> None:
    """One clear sentence, no harm to the first."""
    second = House(house.data)
    assert second.process.wait(timeout=20) == 1
    assert "already runs on the data directory" in second.said()
    assert "Traceback" not in second.said()
    assert house.get("/healthz")[0] == 200


def test_a_taken_port_is_refused(house: House) -> None:
    """One clear sentence with what to do, and nothing is left running."""
    with scratch_directory() as folder:
        second = House(folder / "data", port=house.port)
        assert second.process.wait(timeout=20) == 1
        assert f"Port {house.port}" in second.said()
        assert "--port" in second.said()
        assert "Traceback" not in second.said()


def test_other_commands_use_the_running_house(house: House) -> None:
    """``doctor`` and ``verify`` beside it need no configuration, and find nothing wrong."""
    doctor = house.run("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "PostgreSQL 1" in doctor.stdout
    assert "noeviction" in doctor.stdout

    verify = house.run("verify")
    assert verify.returncode == 0, verify.stdout + verify.stderr


def test_a_killed_web_server_comes_back(house: House) -> None:
    """A crash is repaired without anybody looking, and its workers do not keep the port."""

    def is_web(pid: int) -> bool:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2:] == [b"web", b""]

    children = descendants(house.process.pid)
    masters = {pid for pid in children if is_web(pid) and descendants(pid)}
    assert len(masters) == 1
    old = {*masters, *(child for master in masters for child in descendants(master))}

    os.kill(masters.pop(), signal.SIGKILL)

    assert eventually(lambda: not any(map(is_alive, old)), seconds=5)

    def is_back() -> bool:
        try:
            return house.get("/healthz")[0] == 200
        except OSError:
            return False

    assert eventually(is_back, seconds=30)
    assert "web was killed by SIGKILL; starting it again" in house.said()


def test_the_life_of_an_installation() -> None:
    """Started, stopped in time, started again from kept data in time, killed without leaving an orphan, reset."""
    with scratch_directory() as folder:
        data = folder / "data"
        first = House(data)
        try:
            from_nothing = first.wait_until_up()
            family = descendants(first.process.pid)
            assert first.stop() < STOP_SECONDS_MAX
            assert first.process.returncode == 0, first.said()
            assert not any(map(is_alive, family))
        finally:
            first.end()
        credentials = (data / "credentials.json").read_text()

        second = House(data, port=first.port)
        try:
            # On a machine that is busy with other tests, the first start says how slow everything is.
            assert second.wait_until_up() < max(RESTART_SECONDS_MAX, 0.7 * from_nothing)
            assert (data / "credentials.json").read_text() == credentials
            family = descendants(second.process.pid)
            assert len(family) > 8
        finally:
            second.end()  # SIGKILL
        assert not any(map(is_alive, family))
        assert all(port_is_free(first.port + offset) for offset in range(3))

        third = House(data, "--reset", "--no-demo", port=first.port)
        try:
            third.wait_until_up()
            assert (data / "credentials.json").read_text() != credentials
            assert third.stop() < STOP_SECONDS_MAX
        finally:
            third.end()


@pytest.mark.parametrize("moment", ["Preparing PostgreSQL", "Bringing the database"])
def test_stopping_during_the_start_leaves_nothing(moment: str) -> None:
    """Ctrl-C, which a terminal sends to everything in the foreground, is obeyed at any time."""
    with scratch_directory() as folder:
        house = House(folder / "data", "--no-demo")
        try:
            assert eventually(lambda: moment in house.said(), seconds=30), house.said()
            family = descendants(house.process.pid)
            os.killpg(house.process.pid, signal.SIGINT)
            assert house.process.wait(timeout=STOP_SECONDS_MAX) == 0, house.said()
            assert eventually(lambda: not any(map(is_alive, family)), seconds=1)
            assert "Stopped before everything was up" in house.said()
            assert "Traceback" not in house.said()
        finally:
            house.end()


def test_a_broken_data_directory_is_explained() -> None:
    """A damaged cluster gives one sentence with what to do, an exit code, and nothing left running."""
    with scratch_directory() as folder:
        (folder / "data" / "postgres" / "cluster").mkdir(parents=True)
        (folder / "data" / "lock").touch()
        credentials = dict.fromkeys((field.name for field in dataclasses.fields(Credentials)), "A" * 40)
        shapes = {
            "stripe_api_key": "sk_test_1234567890",
            "stripe_webhook_secret": "whsec_1234567890abcdef",
            "twilio_account_sid": "AC" + "0" * 32,
        }
        (folder / "data" / "credentials.json").write_text(json.dumps(credentials | shapes))

        house = House(folder / "data")

        assert house.process.wait(timeout=30) == 1
        assert "is not a PostgreSQL data directory" in house.said()
        assert "--reset" in house.said()
        assert "Traceback" not in house.said()
