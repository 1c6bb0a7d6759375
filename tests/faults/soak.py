"""Many replications through many kills, on two workers and on a cluster: one store, flat memory. `make soak RUNS=20000`.

The tiny project is run three times: undisturbed; on two workers, killed again and again and resumed, now and then before a
chunk is finished; on a Dask cluster on this machine's loopback whose workers, scheduler and client are killed at random, also
while they start. The three results must be the same bytes.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.processes import TINY, chunks, surroundings
from tests.faults.test_exposure import family, free_port
from tests.study.executors.test_dask_cluster import started

DATA = ("manifest.json", "summary.json", "runs.parquet", "curves.parquet", "events.parquet")
AT_HOME = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
SCHEDULER = [sys.executable, "-m", "distributed.cli.dask_scheduler", *AT_HOME]
WORKER = [sys.executable, "-m", "distributed.cli.dask_worker", *AT_HOME, "--nthreads", "1", "--no-nanny"]
RUN = """
import sys
import sim
from sim.errors import SimError
config, out, runs, workers, scheduler = sys.argv[1:]
try:
    sim.run(sim.load(config), runs=int(runs), workers=int(workers), out=out, resume=True, scheduler=scheduler or None)
except SimError as error:
    print(error, file=sys.stderr)
    raise SystemExit(error.exit_code)
"""
WHILE_STARTING = 0.3
"""Share of the lives on two workers that end in their first seconds."""


FLAT = 1.1
"""How much more memory may be held later than while the first half of the replications was simulated."""


class Memory:
    """The most that a process held while each half of the replications was simulated, and while all were put together."""

    def __init__(self, out: Path, runs: int) -> None:
        self.out, self.runs, self.most = out, runs, [0, 0, 0]

    def look(self, *processes: int) -> None:
        """Take note of the largest process of some trees."""
        sizes = [held(member) for process in processes for member in family(process)]
        done = sum(int(path.stem.split("-")[2]) for path in chunks(self.out))
        at = 2 if self.out.exists() or done >= self.runs else int(done >= self.runs / 2)
        self.most[at] = max(self.most[at], *sizes, 0)

    @property
    def flat(self) -> bool:
        """Whether it did not grow with the replications, nor when they were put together."""
        return max(self.most) <= FLAT * self.most[0]

    def told(self) -> str:
        """The most of each part of the time."""
        first, second, together = (f"{size / 1e6:.0f}" for size in self.most)
        grown = f"{max(self.most) / max(self.most[0], 1) - 1:+.0%}"
        return (
            f"largest process {first} MB in the first half, {second} MB in the second, "
            f"{together} MB while it was put together: {grown}"
        )


def held(process: int) -> int:
    """Bytes of memory a process holds; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def begun(out: Path, runs: int, workers: int, scheduler: str = "") -> subprocess.Popen[str]:
    """Begin or resume the run."""
    command = [sys.executable, "-c", RUN, str(TINY), str(out), str(runs), str(workers), scheduler]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=surroundings(),
    )


def undisturbed(out: Path, runs: int, memory: Memory) -> str:
    """Run in one process to the end."""
    process = begun(out, runs, 1)
    while process.poll() is None:
        memory.look(process.pid)
        time.sleep(0.1)
    _, told = process.communicate()
    if process.returncode:
        raise SystemExit(told)
    return "nobody was killed"


def through_kills(out: Path, runs: int, memory: Memory) -> str:
    """Run on two workers; in each life kill one worker, then the parent, each once it has got on; then resume.

    Nobody is killed twice over the same replications: that would make them failed rows, as it should.
    """
    how, workers, parents = random.Random(3), 0, 0
    while True:
        process = begun(out, runs, 2)
        hit, next_at = 0, len(chunks(out)) + how.randrange(2, 6)
        if how.random() < WHILE_STARTING:
            time.sleep(how.uniform(0, 4))
            process.kill()
            parents += 1
        while process.poll() is None:
            memory.look(process.pid)
            if len(chunks(out)) >= next_at and hit < 2:
                started_by = sorted(family(process.pid) - {process.pid})
                victim = how.choice(started_by) if started_by and not hit else process.pid
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    workers, parents = workers + (victim != process.pid), parents + (victim == process.pid)
                hit, next_at = hit + 1, len(chunks(out)) + how.randrange(4, 9)
            time.sleep(0.1)
        _, told = process.communicate()
        if process.returncode == 0:
            return f"{workers} workers and {parents} parents killed"
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(told)


def wait_for(address: str, seconds: float = 300) -> None:
    """Wait until somebody listens there."""
    host, _, port = address.removeprefix("tcp://").partition(":")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=5):
            return
        time.sleep(0.2)
    raise SystemExit(f"nobody listens at {address}")


class Cluster:
    """A scheduler with two workers on the loopback, of which any can be killed."""

    def __init__(self, place: str) -> None:
        self.place, self.address = place, f"tcp://127.0.0.1:{free_port()}"
        self.scheduler = started([*SCHEDULER, "--port", self.address.rpartition(":")[2]])
        wait_for(self.address)
        self.workers = [self._worker() for _ in range(2)]

    def _worker(self) -> subprocess.Popen[bytes]:
        return started([*WORKER, self.address, "--local-directory", self.place])

    def kill_worker(self) -> None:
        """Kill a worker and start another in its place."""
        self.workers[0].kill()
        self.workers[0].wait()
        self.workers = [self.workers[1], self._worker()]

    def end(self) -> None:
        """Leave nobody behind."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


def on_a_cluster(out: Path, runs: int, memory: Memory) -> str:
    """Run on a scheduler with two workers; worker, scheduler and client are killed at random, also while they start.

    Every second life is left alone until a chunk is finished, so that the run gets on; a life ends with the death of its
    scheduler or its client, and the next one goes on from its chunks.
    """
    how, killed, lives = random.Random(5), dict.fromkeys(("worker", "scheduler", "client"), 0), 0
    with tempfile.TemporaryDirectory() as place:
        while True:
            cluster, lives = Cluster(place), lives + 1
            process, had = begun(out, runs, 2, cluster.address), len(chunks(out))
            due = time.monotonic() + (how.uniform(0, 6) if lives % 2 else 600)
            try:
                while process.poll() is None:
                    memory.look(process.pid, cluster.workers[1].pid)
                    due = min(due, time.monotonic() + how.uniform(0, 20)) if len(chunks(out)) > had else due
                    if time.monotonic() > due:
                        victim = how.choices(list(killed), (6, 1, 1))[0]
                        killed[victim] += 1
                        {"worker": cluster.kill_worker, "scheduler": cluster.scheduler.kill, "client": process.kill}[
                            victim
                        ]()
                        had, due = len(chunks(out)), time.monotonic() + 600
                    time.sleep(0.1)
                _, told = process.communicate()
            finally:
                process.kill()
                cluster.end()
            if process.returncode == 0:
                return f"{', '.join(f'{count} {name}s' for name, count in killed.items())} killed in {lives} lives"
            if process.returncode != -signal.SIGKILL and "scheduler was lost" not in told and "answers" not in told:
                raise SystemExit(told)


def main(runs: int) -> int:
    """Run three times, print what happened; 1 if the stores differ or memory grew."""
    stores: list[dict[str, bytes]] = []
    flat = True
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        for way in (undisturbed, through_kills, on_a_cluster):
            out, began = Path(place) / way.__name__ / "tiny", time.monotonic()
            memory = Memory(out, runs)
            out.parent.mkdir()
            told = way(out, runs, memory)
            stores.append({name: (out / name).read_bytes() for name in DATA})
            flat &= memory.flat
            name = way.__name__.replace("_", " ")
            print(
                f"{name}: {runs:,} replications in {time.monotonic() - began:.0f} s; {told}; {memory.told()}",
                flush=True,
            )
    same = stores[0] == stores[1] == stores[2]
    print("the three stores are identical to the byte" if same else "THE STORES DIFFER")
    print("memory was flat within 10 %" if flat else "MEMORY GREW")
    return 0 if same and flat else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
