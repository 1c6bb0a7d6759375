"""Who can reach us: nobody but this machine, unless both sides show a certificate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from sim.errors import SimError
from sim.study.executors.dask_cluster import cluster
from sim.study.runner import run
from tests.faults.conftest import Observed
from tests.study.executors.test_dask_cluster import same, started
from tests.study.toy_case import Toy

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
SCHEDULER = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
WORKER = [sys.executable, "-m", "distributed.cli.dask_worker"]
AS_WE_SAY = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]


def listening(processes: set[int]) -> set[str]:
    """The addresses on which these processes take connections."""
    sockets = set()
    for process in processes:
        for handle in Path(f"/proc/{process}/fd").glob("*"):
            try:
                sockets.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
            except OSError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(_address(fields[1].partition(":")[0]))
    return found


def _address(kept: str) -> str:
    """An address as the kernel prints it, four bytes at a time the wrong way round."""
    return str(ip_address(b"".join(bytes.fromhex(kept[k : k + 8])[::-1] for k in range(0, len(kept), 8))))


def family(first: int) -> set[int]:
    """A process with all that it started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):  # one that ends at this moment has no fields
            parents[int(stat.parent.name)] = int(stat.read_bytes().rpartition(b")")[2].split()[1])
    found = {first}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def test_a_local_cluster_listens_on_this_machine_only(observed: Observed) -> None:
    case, heard = Toy(seconds=0.01), set[str]()

    def look(done: int, _total: int, _left: float | None) -> None:
        heard.update(listening(family(os.getpid())))

    run(case, seed=1, runs=20, chunk=4, progress=look, executor=cluster(case, 1, "local", 2))
    assert heard
    assert {ip_address(address).is_loopback for address in heard} == {True}
    observed(f"scheduler and workers listened on {', '.join(sorted(heard))} only")


@contextmanager
def dask(address: str, scheduler: list[str], worker: list[str], place: Path) -> Iterator[set[int]]:
    """A scheduler and a worker; yields their processes."""
    port = address.rpartition(":")[2]
    begun = [started([*SCHEDULER, "--port", port, *scheduler])]
    try:
        begun.append(started([*WORKER, address, "--nthreads", "1", "--local-directory", str(place), *worker]))
        yield {process.pid for process in begun}
    finally:
        for process in reversed(begun):
            process.terminate()
            process.wait(30)


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_the_commands_of_the_manual_listen_on_this_machine_only(tmp_path: Path, observed: Observed) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert manual.count(" ".join(AS_WE_SAY[2:])) >= 3
    address, case = f"tcp://127.0.0.1:{free_port()}", Toy()
    with dask(address, AS_WE_SAY, AS_WE_SAY, tmp_path) as processes:
        found = run(case, seed=3, runs=20, executor=cluster(case, 3, address, 1))
        heard = set().union(*(listening(family(process)) for process in processes))
    assert same(found, run(case, seed=3, runs=20))
    assert {ip_address(at).is_loopback for at in heard} == {True}
    observed(f"listened on {', '.join(sorted(heard))} only")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs certificates")
def test_tls_lets_in_who_shows_a_certificate_and_nobody_else(tmp_path: Path, observed: Observed) -> None:
    ours, theirs = certificates(tmp_path / "ours"), certificates(tmp_path / "theirs")
    files = ["--tls-ca-file", ours["ca"], "--tls-cert", ours["cert"], "--tls-key", ours["key"]]
    address, case = f"tls://127.0.0.1:{free_port()}", Toy()
    with dask(address, [*AS_WE_SAY, "--protocol", "tls", *files], [*AS_WE_SAY, *files], tmp_path):
        found = run(case, seed=3, runs=20, executor=cluster(case, 3, address, 1, tls=ours))
        with pytest.raises(SimError, match="no scheduler answers"), cluster(case, 3, address, 1, tls=theirs):
            pass
        plain = address.replace("tls:", "tcp:")
        with pytest.raises(SimError, match="no scheduler answers"), cluster(case, 3, plain, 1):
            pass
    assert same(found, run(case, seed=3, runs=20))
    observed("same bytes by TLS; a stranger's certificate and a connection without one were refused")


def certificates(place: Path) -> dict[str, str]:
    """An authority of our own and one certificate it signed."""
    place.mkdir()
    script = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
openssl req -newkey rsa:2048 -nodes -keyout node.key -out node.csr -subj /CN=127.0.0.1
openssl x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out node.pem -days 2
"""
    subprocess.run(["bash", "-ec", script], cwd=place, check=True, capture_output=True)
    return {"ca": str(place / "ca.pem"), "cert": str(place / "node.pem"), "key": str(place / "node.key")}
