"""Pages of docs/ that are generated: the configuration, study files and metrics as reference, and published projects.

`sim reference` writes the reference. The table of published projects beside the model's predictions stands between two
marks of docs/validation.md; `python -m sim.report.docs_pages docs/validation.md configs/cases [runs]` writes it anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim import files
from sim.config.project import Project
from sim.config.sections.estimates import Estimate, Figure
from sim.config.source_positions import Allowed, allowed_at
from sim.config.study import Study
from sim.engine.backends import AUTO
from sim.metrics.metric import DIRECTION_NAMES, Metric
from sim.metrics.registry import METRICS
from sim.study.analyses.validation import (
    PredictionCheck,
    PredictionScore,
    compare_predictions,
    read_published_numbers,
    score_predictions,
)
from sim.study.api import load
from sim.study.case import prepare_case

# --- reference of files and metrics -----------------------------------------------------------------------------------


PROVENANCE = ("source", "date", "confidence", "note")
KINDS = {
    "int": "whole number",
    "float": "number",
    "str": "text",
    "bool": "true or false",
    "date": "day",
    "time": "time",
}


def configuration() -> str:
    """Return the reference of a configuration file in Markdown."""
    head = (
        "# What a configuration may say\n\n"
        "Written by `make docs` from the models that check every file. A *figure* is a number, or `{value, low, high}`\n"
        "with its `source`; an *estimate* is drawn anew in every run: a number, `{low, high}`, `{low, mode, high}`,\n"
        "`{median, p90}` or `{values, weights}`, with its `source`. Every section may carry `source`, `date`,\n"
        "`confidence` (A, B, C) and `note` where it says *sourced*. `sim schema` writes the same for editors.\n"
    )
    return head + "\n".join(_sections(Project, "A project"))


def studies() -> str:
    """Return the reference of a study file in Markdown."""
    head = (
        "# What a study file may say\n\n"
        "Written by `make docs`. A study is read by `sim sweep`, `sim sensitivity` and `sim tune`;\n"
        "[how to ask questions](../how_to/sweeps.md) shows some.\n"
    )
    return head + "\n".join(_sections(Study, "A study"))


def metrics() -> str:
    """Return the reference of the metrics in Markdown."""
    head = (
        "# Metrics\n\n"
        "Written by `make docs` from the table in `sim/metrics/registry.py`, which `sim.metrics_table()` returns.\n"
        "Every name is a column of `runs.parquet` and a key of `summary.json`.\n"
        '[How to read them](../explanation/metrics.md). "Better" is empty where neither way is, and for parts of a sum.\n'
        "Dollars are nominal, MW gross, a month has 365.25/12 days, t0 is the day the first order is approved.\n\n"
        "| metric | label | unit | better | definition | computed in |\n|---|---|---|---|---|---|\n"
    )
    return head + "".join(_metric_row(metric) for metric in METRICS.values())


def _metric_row(metric: Metric) -> str:
    """Return one metric as a row of the table."""
    place = metric.function.__module__.replace(".", "/") + ".py"
    cells = (
        f"`{metric.name}`", metric.label, metric.unit, DIRECTION_NAMES[metric.direction], metric.definition, f"`{place}`",
    )  # fmt: skip
    return f"| {' | '.join(_cell(cell) for cell in cells)} |\n"


def _sections(root: type[BaseModel], title: str) -> Iterator[str]:
    """Yield one chapter a model, each once, in the order in which they are met."""
    models = _nested_models(root)
    titles = {root: title, **{model: _title(model, models) for model in models[1:]}}
    for model in models:
        yield f"\n## {titles[model]}\n\n{_description(model)}\n"
        yield "| key | what | allowed |\n|---|---|---|"
        for key, field in model.model_fields.items():
            if key not in _sourced(model):
                allowed = allowed_at(model, (key,))
                links = [titles[nested] for nested in _models_in(allowed)]
                name = field.alias or key
                yield f"| `{name}` | {_cell(field.description or '')} | {_allowed(allowed, field, links)} |"


def _nested_models(root: type[BaseModel]) -> list[type[BaseModel]]:
    """Return a model and all below it, level by level."""
    models = [root]
    for model in models:
        for key in model.model_fields:
            models += [
                nested for nested in dict.fromkeys(_models_in(allowed_at(model, (key,)))) if nested not in models
            ]
    return models


def _title(model: type[BaseModel], models: Sequence[type[BaseModel]]) -> str:
    """Return a model's name, with its subject where another has the same."""
    same = [other for other in models if other.__name__ == model.__name__]
    return f"{model.__name__} in {model.__module__.rpartition('.')[2]}" if len(same) > 1 else model.__name__


def _description(model: type[BaseModel]) -> str:
    """Return a model's own words, and whether it may say where it comes from."""
    words = (model.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    return f"{words} *Sourced.*" if "source" in model.model_fields else words


def _sourced(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys of provenance, which every sourced section has."""
    return PROVENANCE if "source" in model.model_fields else ()


def _models_in(here: Allowed) -> Iterator[type[BaseModel]]:
    """Yield the sections that may stand at a place, estimates apart."""
    for kind in [*here.types, *_elements(here)]:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in (Estimate, Figure):
            yield kind


def _elements(allowed: Allowed) -> Iterator[Any]:
    """Yield the types of what lists and mappings at a place hold."""
    for kind in allowed.types:
        for argument in get_args(kind):
            yield argument
            yield from get_args(argument)


def _allowed(allowed: Allowed, field: FieldInfo, nested: Sequence[str]) -> str:
    """Return as text what values a key allows: type, range, unit, and what holds if the key is left out."""
    kinds = list(dict.fromkeys(_kind(kind) for kind in allowed.types if kind is not type(None)))
    words = [f"[{title}](#{title.lower().replace(' ', '-')})" for title in nested] or kinds
    parts = [" or ".join(words), allowed.range_and_unit()]
    if not field.is_required():
        parts.append(_default_text(field))
    return _cell("; ".join(part for part in parts if part))


def _kind(kind: Any) -> str:
    """Return the type of a configuration key as words."""
    if kind is Estimate:
        return "estimate"
    if kind is Figure:
        return "figure"
    text = getattr(kind, "__name__", "")
    if text in KINDS:
        return KINDS[text]
    words = str(kind).replace("typing.", "")
    if words.startswith("Literal["):
        return words.removeprefix("Literal[").removesuffix("]").replace("'", "`")
    return "list" if words.startswith(("tuple", "list")) else "keys of your own" if words.startswith("dict") else text


def _default_text(field: FieldInfo) -> str:
    """Return the default of a key as text: the value that it has where it is left out."""
    default = field.get_default(call_default_factory=True)
    if default is None or default in ((), {}, ""):
        return "may be left out"
    if isinstance(default, Estimate | Figure):
        numbers = default.numbers()
        value = default.value if default.value is not None else numbers
        return f"left out: {value}"
    return f"left out: {default}" if isinstance(default, int | float | str | bool) else "may be left out"


def _cell(text: str) -> str:
    """Return a text that cannot break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


# --- published projects -----------------------------------------------------------------------------------------------


BEGIN, END = "<!-- published cases: made by `make validation` -->", "<!-- end of published cases -->"
RUNS, MAX_RUNS_OF_LARGE, LARGE_MW = 200, 40, 1000
COLUMNS = (
    "case",
    "quantity",
    "published",
    "model",
    "P10 – P50 – P90",
    "P50 against it",
    "CRPS",
    "of its class",
    "source",
)


def table(folder: Path, runs: int) -> str:
    """Simulate every case of a folder and return the table in Markdown; a large case has fewer replications."""
    published = read_published_numbers(folder / "published.csv")
    lines, all_rows = [_line(COLUMNS), _line(["---"] * len(COLUMNS))], list[PredictionCheck]()
    for name in dict.fromkeys(quantity.case for quantity in published):
        config = load(folder / f"{name}.yaml")
        case_runs = min(runs, MAX_RUNS_OF_LARGE) if config.value.scale.capacity_mw > LARGE_MW else runs
        rows = compare_predictions(
            prepare_case(config, engine=AUTO), [quantity for quantity in published if quantity.case == name], case_runs
        )
        lines += [_line(_cells(row, first_of_case=position == 0)) for position, row in enumerate(rows)]
        all_rows += rows
    note = f"{runs} replications of each case ({min(runs, MAX_RUNS_OF_LARGE)} of those above {LARGE_MW:,} MW), seed 1."
    return "\n".join([*lines, "", *_score_sentences(score_predictions(all_rows)), "", note])


def _score_sentences(score: PredictionScore) -> Sequence[str]:
    """Return sentences on how good all predictions were."""
    if not score.number:
        return ("No quantity was predicted of something built and has a reference class.",)
    coverage = (
        f"Of {score.number} predicted quantities {score.inside} reach P10–P90 and {score.inside_wide} P5–P95; P50 is "
        f"{score.error:.0%} off on the mean."
    )
    crps = (
        f"Mean CRPS over the published number: {score.score:.2f}; of a naive forecast from the reference class: "
        f"{score.naive_crps:.2f} (smaller is better)."
    )
    return coverage, crps


def _cells(row: PredictionCheck, *, first_of_case: bool) -> Sequence[str]:
    """Return the cells of a row of the table of published projects; its case is named in the first row of the case."""
    published = row.published
    low, high = _number(published.low), _number(published.high)
    range_text = low if low == high else f"{low} – {high}" if published.low else f"under {high}"
    percentiles = " – ".join(_number(value) for value in (row.p10, row.p50, row.p90))
    return (
        f"`{published.case}`" if first_of_case else "", published.quantity, f"{range_text} {published.unit}",
        published.role, percentiles,
        _agreement(row), _number(row.score), "" if isnan(row.naive_crps) else _number(row.naive_crps), published.source,
    )  # fmt: skip


def _agreement(row: PredictionCheck) -> str:
    """Return how far P50 of the prediction is from the published range, as text: "inside", or percent."""
    if row.relative_error == 0:
        return "inside"
    overlap_note = ", P10–P90 reaches it" if row.p10_to_p90_holds else ""
    return f"{row.relative_error:+.0%}{overlap_note}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write(page: Path, folder: Path, runs: int = RUNS) -> None:
    """Put the table between the marks of a page."""
    new_table = table(folder, runs)
    # read after the runs: the page may have been edited in the meantime
    text_before, _, text_from_begin = files.read(page).decode("utf-8").partition(BEGIN)
    _, _, text_after = text_from_begin.partition(END)
    files.write(page, f"{text_before}{BEGIN}\n\n{new_table}\n\n{END}{text_after}".encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), *(int(number) for number in sys.argv[3:4]))
