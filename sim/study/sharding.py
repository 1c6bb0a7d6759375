"""A project run in parts on machines that know nothing of each other, and the parts put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sim.config.project import Project
from sim.study import shards
from sim.study.manifest import identity
from sim.study.result import Result
from sim.study.resume import Changed, differences, keeping
from sim.study.room import require_room
from sim.study.runner import Progress, perform_part
from sim.study.running import RUNS, SEED, Config, cores, laid_out, result_of
from sim.study.summary import plain


def run_shard(
    config: Config | Project,
    shard: str,
    out: str | Path,
    *,
    runs: int = RUNS,
    seed: int = SEED,
    workers: int | None = None,
    sampling: str = "mc",
    resume: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Run part `shard` ("2/4") of a study of `runs` replications; return where its chunks lie.

    They stay beside `out` (`NAME.shard-2-of-4.partial`) for `merge_shards`; `resume` goes on from what an
    interrupted part left. Raises SimError.
    """
    wanted = shards.parse(shard)
    case = laid_out(config, sampling, runs)
    runs = case.sampling.fit(runs)
    place = wanted.target(Path(out).absolute())
    with keeping(place, identity(case, seed), resume=resume, about={shards.RUNS: runs}) as shelf:
        perform_part(
            case, seed=seed, part=wanted.part(runs), shelf=shelf, progress=progress,
            workers=cores() if workers is None else workers,
        )  # fmt: skip
        return shelf.directory


def merge_shards(
    directories: Sequence[str | Path],
    out: str | Path | None = None,
    extras: Callable[[Result, Path], object] | None = None,
) -> Result:
    """Put the parts of a study together: the result is the one an undivided run would have given, byte by byte.

    The project is taken from the parts themselves. Raises PartialResults if replications are missing, TooLarge if
    they do not fit into memory, Changed if the parts are of different studies or were made by another version of
    this program or of its libraries.
    """
    merged = shards.merge([Path(directory).absolute() for directory in directories])
    seed = int(merged.identity["seed"])
    case = laid_out(Project.model_validate(merged.identity["config"]), merged.sampling.method, merged.runs)
    if changes := differences(merged.identity, plain(identity(case, seed))):
        raise Changed(f"the shards were made by another version of this program: {'; '.join(changes[:5])}")
    require_room(case, merged.runs, 1)
    result = result_of(case, seed, merged.sample)
    if out is not None:
        result.save(out, (lambda directory: _add(extras, result, directory)) if extras else None)
    return result


def _add(extras: Callable[[Result, Path], object], result: Result, directory: Path) -> None:
    """Add figures and the like to the directory that is being filled."""
    extras(result, directory)
