"""An executor on a Dask cluster: Dask distributes the chunks, and everything else is as on one machine.

The same chunks go to the same chunk store, so the same bytes come out. The case is sent to each worker once. Dask
reruns a chunk whose worker was lost; a chunk that costs several workers is run a replication at a time, and the
replication that ends every worker is a failed row.

A scheduler runs any code it is sent, so one on another machine is used only over TLS.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from distributed import Worker, WorkerPlugin, get_worker

from sim.errors import SimError
from sim.study.chunk import CaseLike, ChunkSizer, PendingRanges, failed
from sim.study.executors.worker import Outcome, run_chunk
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


def run_chunk_of_plugin(name: str, replications: range) -> Outcome:
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

        range_of: dict[Future[Outcome], range] = {}
        finished = as_completed([])
        suspects: list[range] = []
        while pending.count or suspects or range_of:
            new_ranges = [*self._ranges_to_submit(pending, suspects, len(range_of), sizer)]
            for future, replications in zip(self._submit(new_ranges), new_ranges, strict=True):
                range_of[future] = replications
                finished.add(future)
            # all that are finished by now at once: a question for each would keep hundreds of workers waiting
            batch: list[Future[Outcome]] = finished.next_batch()
            for future, outcome in zip(batch, self._outcomes(batch, range_of), strict=True):
                replications = range_of.pop(future)
                if outcome is None:
                    suspects += [range(r, r + 1) for r in replications]
                else:
                    yield outcome

    def _ranges_to_submit(
        self, pending: PendingRanges, suspects: list[range], submitted: int, sizer: ChunkSizer
    ) -> Iterator[range]:
        """Yield ranges so that every worker is busy: first suspects, one replication each, then chunks."""
        workers = self._count_workers()
        for _ in range(submitted, QUEUED_PER_WORKER * workers):
            if suspects:
                yield suspects.pop(0)
            elif pending.count:
                yield pending.take(sizer.size(pending.count, workers))

    def _count_workers(self) -> int:
        """Return how many chunks the cluster can run at once, counted again every other second."""
        if time.monotonic() >= self._counted_at + _COUNT_SECONDS:
            try:
                self._workers, self._counted_at = sum(self._client.nthreads().values()), time.monotonic()
            except (OSError, AttributeError) as error:  # a client that has given up has no scheduler to ask
                raise _lost(error) from error
        return max(1, self._workers)

    def _submit(self, spans: list[range]) -> list[Future[Outcome]]:
        """Submit chunks to the workers that are free first."""
        if not spans:
            return []
        # in one group for all calls: Dask keeps tasks of large groups at the scheduler until a worker is free; else each is
        # given to a worker when it is submitted, and the last chunks wait behind others while workers are idle
        keys = [(self._name, next(self._numbers)) for _ in spans]
        found: list[Future[Outcome]] = self._client.map(
            run_chunk_of_plugin, [self._name] * len(spans), spans, key=keys, pure=False
        )
        return found

    def _outcomes(self, futures: list[Future[Outcome]], range_of: dict[Future[Outcome], range]) -> list[Outcome | None]:
        """Return the outcome of some chunks; those that succeeded are fetched together."""
        succeeded = [future for future in futures if future.status == "finished"]
        try:
            fetched = dict(zip(succeeded, self._client.gather(succeeded), strict=True))
        except Exception:  # noqa: BLE001 -- one that was lost on the way: each is asked for by itself
            fetched = {}
        return [fetched[future] if future in fetched else self._outcome(future, range_of[future]) for future in futures]

    def _outcome(self, future: Future[Outcome], replications: range) -> Outcome | None:
        """Return the outcome of a chunk; None for several replications, one of which has ended too many workers."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        try:
            outcome: Outcome = future.result()
        except KilledWorker as error:
            if len(replications) > 1:
                return None
            return Outcome(
                failed(replications, self._case.metrics, f"it ended every worker it was given to: {error}"), 0.0
            )
        except (CancelledError, OSError) as error:
            raise _lost(error) from error
        return outcome


def _lost(error: BaseException) -> SimError:
    """Return the error of a scheduler that no longer answers."""
    return SimError(f"the cluster's scheduler was lost ({error})")


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
