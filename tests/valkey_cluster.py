"""A real Valkey Cluster for tests: six servers on loopback, three primaries with a replica each.

The servers are the launcher's own, started and ended by its process helpers, so none of them outlives the tests. The
cluster is made by the same few commands that `valkey-cli --cluster create` sends; there is no valkey-cli in the wheel.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import RedisError

from entrypoints.launcher.process import ChildProcess, port_is_free, start_together
from entrypoints.launcher.valkey import EmbeddedValkey
from tests.processes import eventually
from tests.servers import scratch_directory

PRIMARIES = 3
NODES = 2 * PRIMARIES
SLOTS = 16_384
PORTS_FIRST, PORTS_END, PORTS_STEP = 10_100, 17_900, 2 * NODES
"""Away from the range that the kernel gives out by itself, and from the ports of `tests.processes`."""
READY_SECONDS_MAX = 30.0
ANSWER_SECONDS = 5.0
PATIENT_NODE_TIMEOUT_MS = 60_000
"""How long a server may be silent before it is replaced: a busy machine must not look like a dead one."""
HASTY_NODE_TIMEOUT_MS = 1_000
"""The same, while a test waits for that."""


@dataclass(frozen=True, kw_only=True)
class ClusterMember(EmbeddedValkey):
    """One server of a cluster."""

    bus_port: int

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def _configuration(self) -> str:
        lines = [
            "cluster-enabled yes",
            "cluster-config-file nodes.conf",
            f"cluster-port {self.bus_port}",
            f"cluster-node-timeout {PATIENT_NODE_TIMEOUT_MS}",
            "cluster-announce-ip 127.0.0.1",
            # Sales on living primaries go on while another primary is away; a replica always stands for election.
            "cluster-require-full-coverage no",
            "cluster-replica-validity-factor 0",
            "cluster-allow-replica-migration no",
            f"primaryauth {self.password}",
            "repl-diskless-sync-delay 0",
            "cluster-ping-interval 100",
            # A test that pauses a server kills it in the end; it must not leave a core file of its memory behind.
            "crash-log-enabled no",
        ]
        return super()._configuration() + "\n".join(lines) + "\n"


class ValkeyCluster:
    """The running servers. ``owner`` and ``replica`` say who serves a key at this moment."""

    def __init__(self, members: Sequence[ClusterMember], processes: Sequence[ChildProcess]) -> None:
        self.members = tuple(members)
        self._processes = dict(zip(self.members, processes, strict=True))
        self._paused: set[ClusterMember] = set()
        self._clients = {
            member: Redis(
                host="127.0.0.1",
                port=member.port,
                password=member.password,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
            )
            for member in self.members
        }

    def url(self) -> str:
        """As an operator would write it: three nodes to begin with, whichever of them lives."""
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members[:PRIMARIES])
        return f"redis+cluster://:{self.members[0].password}@{hosts}/0"

    def ask(self, member: ClusterMember, *command: Any) -> Any:
        """One command, sent to one server without any routing."""
        return self._clients[member].execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's

    def info(self, member: ClusterMember) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._clients[member].info("everything"))

    def owner(self, key: str) -> ClusterMember:
        """Who serves this key, as the living servers agree."""
        return self._serving(key)[0]

    def replica(self, key: str) -> ClusterMember:
        """Who would take over."""
        return self._serving(key)[1]

    def _serving(self, key: str) -> list[ClusterMember]:
        return self._serving_slot(self.slot(key))

    def _serving_slot(self, slot: int) -> list[ClusterMember]:
        by_port = {member.port: member for member in self.members}
        for first, last, *nodes in self.ask(self._witness(), "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return [by_port[node[1]] for node in nodes]
        raise AssertionError(f"nobody serves slot {slot}")

    def _witness(self) -> ClusterMember:
        return next(member for member in self.members if self.is_running(member) and member not in self._paused)

    def _leads(self, primary: ClusterMember, replica: ClusterMember) -> bool:
        role, *rest = self.ask(primary, "ROLE")
        return role == b"master" and [b"127.0.0.1", str(replica.port).encode()] in [
            follower[:2] for follower in rest[1]
        ]

    def is_running(self, member: ClusterMember) -> bool:
        return self._processes[member].exit_code() is None

    def is_replica_in_step(self, replica: ClusterMember) -> bool:
        """Whether a replica follows its primary and has heard all that was said until now."""
        said = self.info(replica)
        if said["role"] != "slave" or said["master_link_status"] != "up":
            return False
        primary = next(member for member in self.members if member.port == said["master_port"])
        spoken = self.info(primary)["master_repl_offset"]
        return bool(self.info(replica)["slave_repl_offset"] >= spoken)

    def is_primary(self, member: ClusterMember) -> bool:
        try:
            return bool(self.ask(member, "ROLE")[0] == b"master")
        except RedisError:
            return False

    def kill(self, member: ClusterMember) -> None:
        """As a power cut would: without a word."""
        self._processes[member].end_now()

    def restart(self, member: ClusterMember) -> None:
        """Start a killed server again. What it held is gone; who belongs to the cluster it still knows."""
        start_together([self._processes[member]])

    @contextmanager
    def paused(self, member: ClusterMember) -> Iterator[None]:
        """As a machine that hangs: connections are accepted, nothing is answered."""
        pid = self._processes[member].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        self._paused.add(member)
        try:
            yield
        finally:
            self._paused.remove(member)
            if self.is_running(member):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def cut_off(self, replica: ClusterMember) -> Iterator[None]:
        """From now on this replica hears nothing: what its primary acknowledges meanwhile, it does not have.

        It is stopped before the connection is closed, or the kernel would keep for it what was sent.
        """
        primary = next(member for member in self.members if self._leads(member, replica))
        with self.paused(replica):
            self.ask(primary, "CLIENT", "KILL", "TYPE", "REPLICA")
            yield

    def take_over(self, replica: ClusterMember) -> None:
        """Make a replica the primary at once, without asking anybody, with what it has."""
        self.ask(replica, "CLUSTER", "FAILOVER", "TAKEOVER")

    def heal(self) -> None:
        """Start whoever was killed, and wait until each primary has a replica that is in step with it."""
        for member in self.members:
            if not self.is_running(member):
                self.restart(member)
        self.until(lambda: all(map(self._is_settled, self.members)), what="the cluster is whole again")

    @contextmanager
    def hasty(self) -> Iterator[None]:
        """Meanwhile a server that is silent for a second is replaced."""
        self._set_node_timeout(HASTY_NODE_TIMEOUT_MS)
        try:
            yield
        finally:
            self._set_node_timeout(PATIENT_NODE_TIMEOUT_MS)

    def _set_node_timeout(self, milliseconds: int) -> None:
        for member in self.members:
            if self.is_running(member):
                self.ask(member, "CONFIG", "SET", "cluster-node-timeout", milliseconds)

    def move_slot(self, slot: int, *, to: ClusterMember) -> None:
        """Give a slot with all its keys to another primary, as an operator does: atomically."""
        giver = self._serving_slot(slot)[0]
        destination = self.ask(to, "CLUSTER", "MYID").decode()
        self.ask(giver, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", destination)
        self.until(lambda: self._serving_slot(slot)[0] == to, what="the slot has moved")

    def slot(self, key: str) -> int:
        return int(self.ask(self._witness(), "CLUSTER", "KEYSLOT", key))

    def flush(self) -> None:
        """Empty every primary, and make it forget its scripts."""
        for member in self.members:
            if self.is_primary(member):
                self.ask(member, "FLUSHALL")
                self.ask(member, "SCRIPT", "FLUSH")

    def until(self, condition: Callable[[], bool], *, what: str, seconds: float = READY_SECONDS_MAX) -> None:
        """Wait for a condition, and say which when it does not come true."""
        assert eventually(condition, seconds=seconds), f"{what} within {seconds:g} s"

    def _form(self) -> None:
        """Give out the slots, introduce everybody, and make the second half replicas of the first."""
        primaries, replicas = self.members[:PRIMARIES], self.members[PRIMARIES:]
        edges = [SLOTS * place // PRIMARIES for place in range(PRIMARIES + 1)]
        for place, primary in enumerate(primaries):
            self.ask(primary, "CLUSTER", "SET-CONFIG-EPOCH", place + 1)
            self.ask(primary, "CLUSTER", "ADDSLOTSRANGE", edges[place], edges[place + 1] - 1)
        first = primaries[0]
        for member in self.members[1:]:
            self.ask(first, "CLUSTER", "MEET", "127.0.0.1", member.port, member.bus_port)
        self.until(lambda: all(self._knows_all(member) for member in self.members), what="all six servers meet")
        for primary, replica in zip(primaries, replicas, strict=True):
            self.ask(replica, "CLUSTER", "REPLICATE", self.ask(primary, "CLUSTER", "MYID").decode())
        self.until(lambda: all(map(self._is_settled, self.members)), what="the cluster is whole")

    def _knows_all(self, member: ClusterMember) -> bool:
        nodes = self.ask(member, "CLUSTER", "INFO").decode()
        table = self._clients[member].cluster("NODES")
        connected = [node for node in table.values() if node["connected"] and "handshake" not in node["flags"]]
        return f"cluster_known_nodes:{NODES}\r\n" in nodes and len(connected) == NODES

    def _is_settled(self, member: ClusterMember) -> bool:
        """The cluster is whole in this server's eyes, with a replica for each primary, and all are in step."""
        if b"cluster_state:ok" not in self.ask(member, "CLUSTER", "INFO"):
            return False
        followers = {primary[1]: len(replicas) for _, _, primary, *replicas in self.ask(member, "CLUSTER", "SLOTS")}
        if list(followers.values()) != [1] * PRIMARIES:
            return False
        return self.is_primary(member) or self.is_replica_in_step(member)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@contextmanager
def cluster_running() -> Iterator[ValkeyCluster]:
    """Three primaries and three replicas, whole and in step; gone for certain at the end."""
    password = secrets.token_hex(16)
    with scratch_directory() as folder:
        ports = _free_ports(2 * NODES)
        members = [
            ClusterMember(
                directory=folder / f"node-{place}",
                port=ports[2 * place],
                bus_port=ports[2 * place + 1],
                password=password,
                log_path=folder / f"node-{place}.log",
                durable=False,
            )
            for place in range(NODES)
        ]
        processes = [ChildProcess(member.prepare()) for member in members]
        cluster = ValkeyCluster(members, processes)
        try:
            start_together(processes)
            cluster._form()
            yield cluster
        finally:
            cluster.close()
            for process in processes:
                process.end_now()  # Nothing of a test's data is worth a farewell; a paused server ends too.


def _free_ports(count: int) -> list[int]:
    """So many ports that nothing listens on. Every process starts to look somewhere else."""
    start = os.getpid() * 7 * PORTS_STEP
    free: list[int] = []
    for offset in range(PORTS_END - PORTS_FIRST):
        port = PORTS_FIRST + (start + offset) % (PORTS_END - PORTS_FIRST)
        if port_is_free(port):
            free.append(port)
        if len(free) == count:
            return free
    raise AssertionError(f"no {count} free ports")


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[ValkeyCluster]:
    """A cluster in which no server is harmed, for the whole session."""
    with cluster_running() as cluster:
        yield cluster


@pytest.fixture
def cluster_url(valkey_cluster: ValkeyCluster) -> str:
    """An empty cluster for this test."""
    valkey_cluster.flush()
    return valkey_cluster.url()
