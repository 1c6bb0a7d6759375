"""An executor on a Dask cluster: Dask distributes the chunks, and everything else is as on one machine.

The same chunks go to the same chunk store, so the same bytes come out. The case is sent to each worker once. A task is
one chunk or several, whose results wait compressed until all of it is done: what a task costs the scheduler and this
process does not depend on how long it is. Dask reruns a task whose worker was lost; one that costs several workers is run
a replication at a time, and the replication that ends every worker is a failed row.

A scheduler runs any code it is sent, so one on another machine is used only over TLS.
"""

from __future__ import annotations

import logging
import platform
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

from distributed import Worker, WorkerPlugin, get_worker

from sim.errors import SimError
from sim.study.chunk import MAX_CHUNK_SIZE, CaseLike, ChunkSizer, PendingRanges, chunk_seconds, failed
from sim.study.executors.worker import Outcome, run_chunk
from sim.study.executors.worker_process import packed, unpacked
from sim.study.result import versions

if TYPE_CHECKING:
    from distributed import Client, Future


# --- worker -----------------------------------------------------------------------------------------------------------


class OtherVersions(SimError):
    """A worker with other versions, whose numbers could differ."""

    exit_code = 2


def local_versions() -> dict[str, str]:
    """Return the versions of what decides about numbers, Python included."""
    return {"python": platform.python_version(), **versions()}


class CasePlugin(WorkerPlugin):
    """A case that Dask sends to every worker, also to those that join later."""

    def __init__(self, name: str, case: CaseLike, seed: int) -> None:
        self.name = name
        self.case, self.seed, self.versions = case, seed, local_versions()

    def setup(self, worker: Worker) -> None:
        """Nothing is to be done before the first chunk."""


_CODEC = "zstd"


class Compressed(NamedTuple):
    """An outcome on its way from a worker: the curves of hybrid.yaml take a ninth of what they take in memory."""

    data: bytes
    size: int

    @classmethod
    def of(cls, outcome: Outcome) -> Compressed:
        """Compress an outcome."""
        import pyarrow as pa

        message = packed(outcome)
        return cls(pa.compress(message, codec=_CODEC, asbytes=True), len(message))

    def outcome(self) -> Outcome:
        """Return the outcome."""
        import pyarrow as pa

        message = pa.decompress(self.data, decompressed_size=self.size, codec=_CODEC, asbytes=True)
        outcome: Outcome = unpacked(message)
        return outcome


Task: TypeAlias = "Future[list[Compressed]]"
"""A range of replications at the scheduler or with a worker."""


def run_task(name: str, replications: range) -> list[Compressed]:
    """Simulate some replications of the case that the plugin holds, in chunks of which one is in memory at a time.

    Where the case refuses, or this worker has other versions, the last outcome is that error.
    """
    pending, results = PendingRanges([replications]), list[Compressed]()
    while pending.count:
        outcome = _run_chunk_of_plugin(name, pending.take(MAX_CHUNK_SIZE))
        results.append(Compressed.of(outcome))
        if outcome.refusal is not None:
            break
    return results


def _run_chunk_of_plugin(name: str, replications: range) -> Outcome:
    """Simulate a chunk of the case that the plugin holds; an Outcome with an error if this worker has other versions."""
    plugin = get_worker().plugins[name]
    if not isinstance(plugin, CasePlugin):
        raise TypeError(f"{name} is no case")
    if (installed := local_versions()) != plugin.versions:
        other = ", ".join(
            f"{k} {installed.get(k)}, not {v}" for k, v in plugin.versions.items() if installed.get(k) != v
        )
        return Outcome(None, 0.0, OtherVersions(f"a worker of the cluster has {other}: its numbers could differ"))
    return run_chunk(plugin.case, plugin.seed, replications)


# --- cluster ----------------------------------------------------------------------------------------------------------


LOCAL = "local"
TASK_BYTES = 16_000_000
"""The most that the results of a task are to take, compressed: those of 1,600 replications of hybrid.yaml."""
FETCHED_BYTES = 64_000_000
"""The most that is fetched at once: the scheduler and this process hold it, however many tasks have ended meanwhile."""
TASK_SPLIT, TASKS_PER_WORKER = 20, 4
"""A task near the end is a twentieth of a full one at least; where there is little to do each worker has four or more."""
QUEUED_PER_WORKER = 3
"""Dask keeps tasks at the scheduler only where their group is larger than twice the threads; others go to workers at once."""
_CONNECT_SECONDS = 30
_ATTEMPTS = 5
_COUNT_SECONDS = 2.0


class WrongCluster(SimError):
    """A scheduler that cannot be reached, or must not be."""

    exit_code = 2


class DaskExecutor:
    """Runs chunks on the workers of a Dask cluster."""

    def __init__(self, client: Client, case: CaseLike, seed: int) -> None:

        self._client, self._case = client, case
        self._workers, self._counted_at = 0, 0.0
        self._name = f"case {uuid4()}"
        self._numbers = count()
        self._bytes_each: float | None = None  # the most of a replication's results, as they travel
        self._max_remaining = 0
        self._register(CasePlugin(self._name, case, seed))

    def _register(self, plugin: CasePlugin) -> None:
        """Send the case to every worker; tried again where a worker that is lost meanwhile breaks the connection."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._client.register_plugin(plugin, name=self._name)
                return
            except OSError as error:
                if attempt == _ATTEMPTS:
                    raise _lost(error) from error
                time.sleep(attempt)
            except AttributeError as error:  # of a client that has given up its scheduler
                raise _lost(error) if self._client.scheduler is None else error from error

    def run(self, pending: PendingRanges, sizer: ChunkSizer) -> Generator[Outcome]:
        """Yield the outcomes of all pending ranges, in the order in which they are finished."""
        from distributed import as_completed

        range_of: dict[Task, range] = {}
        unfetched: deque[Task] = deque()
        finished = as_completed([])
        suspects: list[range] = []
        while pending.count or suspects or range_of:
            new_ranges = [*self._ranges_to_submit(pending, suspects, len(range_of), sizer)]
            for future, replications in zip(self._submit(new_ranges), new_ranges, strict=True):
                range_of[future] = replications
                finished.add(future)
            if not unfetched:
                unfetched.extend(finished.next_batch())
            # many at once: a question for each would keep hundreds of workers waiting
            futures = self._take_fetchable(unfetched, range_of)
            for results, replications in self._results(futures, range_of):
                if results is None:
                    suspects += [range(r, r + 1) for r in replications]
                    continue
                bytes_each = sum(len(result.data) for result in results) / len(replications)
                self._bytes_each = max(self._bytes_each or 0.0, bytes_each)
                for result in results:
                    yield result.outcome()

    def _ranges_to_submit(
        self, pending: PendingRanges, suspects: list[range], submitted: int, sizer: ChunkSizer
    ) -> Iterator[range]:
        """Yield ranges so that every worker is busy: first suspects, one replication each, then chunks.

        Until it is known how long a replication takes a worker is given one and no more: what waits behind it would be
        thousands of tasks that are over in no time.
        """
        workers = self.workers
        is_known = sizer.fixed or sizer.seconds_each
        for _ in range(submitted, (QUEUED_PER_WORKER if is_known else 1) * workers):
            if suspects:
                yield suspects.pop(0)
            elif pending.count:
                yield pending.take(self._task_size(pending.count, workers, sizer))

    def _task_size(self, remaining: int, workers: int, sizer: ChunkSizer) -> int:
        """Return how many replications the next task is to have: half a worker's share, but no task too short or too large.

        A chunk of a local process may be ever shorter near the end; with hundreds of workers these would be thousands.
        """
        self._max_remaining = max(self._max_remaining, remaining)
        if sizer.fixed or sizer.seconds_each is None:
            return sizer.size(remaining, workers)
        full = chunk_seconds(workers) / sizer.seconds_each
        shortest = min(full / TASK_SPLIT, self._max_remaining / workers / TASKS_PER_WORKER)
        max_size = MAX_CHUNK_SIZE if self._bytes_each is None else TASK_BYTES / self._bytes_each
        return max(1, round(min(max(remaining / workers / 2, shortest), full, max_size)))

    @property
    def workers(self) -> int:
        """Return how many chunks the cluster can run at once, counted again every other second."""
        if time.monotonic() >= self._counted_at + _COUNT_SECONDS:
            try:
                self._workers, self._counted_at = sum(self._client.nthreads().values()), time.monotonic()
            except (OSError, AttributeError) as error:  # a client that has given up has no scheduler to ask
                raise _lost(error) from error
        return max(1, self._workers)

    def _submit(self, spans: list[range]) -> list[Task]:
        """Submit tasks to the workers that are free first."""
        if not spans:
            return []
        # in one group for all calls: Dask keeps tasks of large groups at the scheduler until a worker is free; else each is
        # given to a worker when it is submitted, and the last chunks wait behind others while workers are idle
        keys = [(self._name, next(self._numbers)) for _ in spans]
        found: list[Task] = self._client.map(run_task, [self._name] * len(spans), spans, key=keys, pure=False)
        return found

    def _take_fetchable(self, unfetched: deque[Task], range_of: Mapping[Task, range]) -> list[Task]:
        """Take as many finished tasks as may be fetched at once, one at least."""
        futures, room = [unfetched.popleft()], float(FETCHED_BYTES)
        while unfetched and (room := room - len(range_of[futures[-1]]) * (self._bytes_each or 0.0)) > 0:
            futures.append(unfetched.popleft())
        return futures

    def _results(
        self, futures: list[Task], range_of: dict[Task, range]
    ) -> Iterator[tuple[list[Compressed] | None, range]]:
        """Yield the results of some tasks, which are then forgotten; those that succeeded are fetched together."""
        succeeded = [future for future in futures if future.status == "finished"]
        try:
            fetched = dict(zip(succeeded, self._client.gather(succeeded), strict=True))
        except Exception:  # noqa: BLE001 -- one that was lost on the way: each is asked for by itself
            fetched = {}
        for future in futures:
            replications = range_of.pop(future)
            yield fetched.pop(future) if future in fetched else self._result(future, replications), replications

    def _result(self, future: Task, replications: range) -> list[Compressed] | None:
        """Return the results of a task; None for several replications, one of which has ended too many workers."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        try:
            results: list[Compressed] = future.result()
        except KilledWorker as error:
            if len(replications) > 1:
                return None
            failure = failed(replications, self._case.metrics, f"it ended every worker it was given to: {error}")
            return [Compressed.of(Outcome(failure, 0.0))]
        except (CancelledError, OSError) as error:
            raise _lost(error) from error
        return results


def _lost(error: BaseException) -> SimError:
    """Return the error of a scheduler that no longer answers."""
    return SimError(f"the cluster's scheduler was lost; --resume goes on with what was finished ({error})")


@contextmanager
def cluster(
    case: CaseLike,
    seed: int,
    scheduler: str,
    workers: int,
    *,
    tls: dict[str, str] | None = None,
    dashboard: bool = False,
) -> Iterator[DaskExecutor]:
    """Connect to a scheduler ("tcp://127.0.0.1:8786", "tls://HOST:PORT"), or start one here ("local").

    `workers`: processes of a local one. `tls`: files `ca`, `cert` and `key` for tls://; those of Dask's own
    configuration if None. `dashboard`: whether a local one shows Dask's web pages, on the loopback only.
    Raises WrongCluster for another machine without TLS, for a scheduler that does not answer, and where Dask is
    not installed.
    """
    _require_safe_address(scheduler)
    try:
        import distributed
    except ImportError as error:
        raise WrongCluster(
            "--scheduler needs Dask: pip install 'dask[distributed]', or this package with its extra cluster"
        ) from error
    with _quiet():
        if scheduler == LOCAL:
            with _local_cluster(workers, dashboard) as address, distributed.Client(address) as client:
                yield DaskExecutor(client, case, seed)
            return
        try:
            client = distributed.Client(scheduler, timeout=_CONNECT_SECONDS, security=_security(tls))
        except (OSError, ValueError, TypeError) as error:
            raise WrongCluster(f"--scheduler {scheduler}: no scheduler answers there ({error})") from error
        with client:
            _wait_for_workers(client, scheduler)
            yield DaskExecutor(client, case, seed)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the log of the client: a lost scheduler is reported once, by our own error."""
    loggers = [logging.getLogger(name) for name in ("distributed.client", "distributed.core", "distributed.comm")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _wait_for_workers(client: Client, scheduler: str) -> None:
    """Wait a little for the first worker; more may join at any time."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        raise WrongCluster(f"--scheduler {scheduler}: it has no workers; start some with dask worker") from error
    except (OSError, AttributeError) as error:
        raise _lost(error) from error


def _require_safe_address(scheduler: str) -> None:
    """Raise WrongCluster for an address that is not valid, and for one on another machine without TLS."""
    if scheduler == LOCAL:
        return
    parts = urlsplit(scheduler)
    if parts.scheme not in {"tcp", "tls"} or not parts.hostname or not _port(scheduler):
        raise WrongCluster(f"--scheduler {scheduler}: write it like tcp://127.0.0.1:8786, tls://HOST:8786, or local")
    if parts.scheme == "tcp" and not _is_loopback(parts.hostname):
        raise WrongCluster(
            f"--scheduler {scheduler}: a scheduler runs whatever it is sent, so another machine is spoken to by TLS "
            "only; start it with --tls-ca-file, --tls-cert and --tls-key and write tls://"
        )


def _port(scheduler: str) -> int | None:
    """Return the port of an address; None if there is none that can be."""
    try:
        return urlsplit(scheduler).port
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    """Return whether an address is this machine's own, without asking a name server."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _security(tls: dict[str, str] | None) -> Any:
    """Return the TLS settings of these files; None leaves them to Dask's own configuration."""
    if tls is None:
        return None
    from distributed.security import Security

    return Security(
        tls_ca_file=tls["ca"], tls_client_cert=tls["cert"], tls_client_key=tls["key"], require_encryption=True
    )


@contextmanager
def _local_cluster(workers: int, dashboard: bool) -> Iterator[str]:
    """Yield the address of a scheduler with workers on this machine's loopback; all are closed at the end."""
    from distributed import LocalCluster

    dashboard_address = "127.0.0.1:8787" if dashboard else None
    # without pages it still answers whether it is well, at a port which otherwise is that of the pages
    scheduler_options = {} if dashboard else {"dashboard_address": "127.0.0.1:0"}
    with LocalCluster(
        n_workers=max(1, workers), threads_per_worker=1, host="127.0.0.1", dashboard_address=dashboard_address,
        scheduler_kwargs=scheduler_options, silence_logs=logging.ERROR,
    ) as local:  # fmt: skip
        yield local.scheduler_address
