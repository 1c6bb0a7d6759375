"""Everything that reads what a stranger wrote, by name: bytes in, and nothing but a SimError out.

Used by the property tests (`test_fuzzed_input`) and by the coverage-guided fuzzer (`make fuzz`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from sim.config.yaml_reader import read_text
from sim.errors import SimError
from sim.report.exchange.formats import read_network
from sim.study.analyses import baseline
from sim.study.analyses.design import read_study
from sim.study.analyses.shards import parse as parse_shard
from sim.study.api import load, run
from sim.study.result import Result
from sim.study.runner import parse as parse_precision
from sim.world.weather.weather_files import read_year
from tests.tiny_project import TINY

ROOT = Path(__file__).parents[2]
METRICS = ("lead_time_full_days", "peak_workforce_onsite")


@cache
def place() -> Path:
    """A folder with the tiny project and its base, for the life of this process."""
    found = Path(tempfile.mkdtemp(prefix="fuzz"))
    (found / "base.yaml").write_text((ROOT / "configs" / "base.yaml").read_text())
    (found / "tiny.yaml").write_text(TINY.read_text().replace("../../configs/base.yaml", "base.yaml"))
    return found


def clear() -> None:
    """Remove the folder."""
    shutil.rmtree(place(), ignore_errors=True)
    place.cache_clear()


def _file(name: str, data: bytes) -> Path:
    path = place() / name
    path.write_bytes(data)
    return path


def _yaml(data: bytes) -> None:
    read_text(data.decode(errors="surrogateescape"), "f")


def _config(data: bytes) -> None:
    load(_file("x.yaml", data))


def _set(data: bytes) -> None:
    load(place() / "tiny.yaml", data.decode(errors="replace").splitlines()[:3])


@cache
def _result() -> Result:
    return run(load(place() / "tiny.yaml"), runs=2, workers=1)


def _baseline(data: bytes) -> None:
    baseline.check(_result(), _file("baseline.json", data))


def _weather(data: bytes) -> None:
    read_year(_file("x.epw", data))


def _study(data: bytes) -> None:
    read_study(_file("study.yaml", data))


def _xml(data: bytes) -> None:
    read_network(_file("x.xml", data), "site_works")


def _xer(data: bytes) -> None:
    read_network(_file("x.xer", data), "site_works")


def _words(data: bytes) -> None:
    text = data.decode(errors="replace")
    with suppress(SimError):
        parse_shard(text)
    parse_precision(text, METRICS)


PARSERS: dict[str, Callable[[bytes], None]] = {
    "yaml": _yaml,
    "config": _config,
    "set": _set,
    "baseline": _baseline,
    "weather": _weather,
    "study": _study,
    "xml": _xml,
    "xer": _xer,
    "words": _words,
}


def survives(name: str, data: bytes) -> str:
    """Parse; "read" or the first line of the refusal. Anything but a SimError goes through."""
    try:
        PARSERS[name](data)
    except SimError as refused:
        text = str(refused)
        assert text.strip(), "a refusal without words"
        return text.splitlines()[0]
    return "read"


XML = b"""<?xml version="1.0"?><Project xmlns="x"><Calendars/><Tasks><Task><UID>1</UID><Name>a</Name>
<Duration>PT8H0M0S</Duration></Task></Tasks></Project>"""
XER = b"""ERMHDR\t1
%T\tPROJECT
%F\tproj_id\tclndr_id
%R\t1\t1
%T\tCALENDAR
%F\tclndr_id\tday_hr_cnt
%R\t1\t8
%T\tTASK
%F\ttask_id\ttask_name\ttask_type\ttarget_drtn_hr_cnt\tclndr_id
%R\t1\ta\tTT_Task\t8\t1
%E
"""
EPW = b"LOCATION,x\nDATA PERIODS,1\n1999,1,1,1,60," + b"0," * 35 + b"0\n"
STUDY = b"""schema_version: 1
name: s
base: tiny.yaml
runs: 2
inputs:
  cranes: {path: logistics.cranes, values: [1, 2]}
"""
OVER_THE_BASE = b"extends: base.yaml\nschema_version: 1\nname: x\n"
SEEDS: dict[str, tuple[bytes, ...]] = {
    "set": (b"logistics.cranes=2", b"shell.steps.slab.hours={low: 1, mode: 2, high: 3}", b"hall.blocks=[1"),
    "weather": (EPW,),
    "study": (STUDY,),
    "xml": (XML,),
    "xer": (XER,),
    "words": (b"1%@p80:lead_time_full_days", b"2/4"),
}


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Sound input to begin with."""
    if name in {"yaml", "config"}:
        return ((place() / "tiny.yaml").read_bytes(), OVER_THE_BASE)
    if name == "baseline":
        baseline.save(_result(), place() / "seed.json")
        return ((place() / "seed.json").read_bytes(),)
    return (*SEEDS[name], _tmy3()) if name == "weather" else SEEDS[name]


def _tmy3() -> bytes:
    """The first lines of a TMY3 file."""
    head = "Date (MM/DD/YYYY),Time (HH:MM),Wspd (m/s),Dry-bulb (C),Lprecip depth (mm),PresWth (METAR code)"
    rows = [f"01/01/1999,{hour:02d}:00,3.1,12.0,0,0" for hour in range(1, 25)]
    return "\n".join(["723650,X,TX", head, *rows]).encode()
