"""Commands around results: a wrong word is refused before anything is done, and each writes what it says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from click.testing import CliRunner

import sim
from sim.cli import main
from sim.errors import SimError
from tests.tiny_project import TINY


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of three runs of the tiny project."""
    place = tmp_path_factory.mktemp("stored") / "tiny"
    sim.run(sim.load(TINY), runs=3, workers=1, out=place)
    return place


def typed(*words: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == code, f"{words}: {done.exit_code}\n{done.output}\n{done.exception!r}"
    return done.output


def test_a_configuration_is_run_and_handed_over(tmp_path: Path) -> None:
    few = ("--runs", "2", "--workers", "1", "--looked-at", "2")
    told = typed("export", TINY, "--to", "csv", "--level", "2", *few, "--out", tmp_path / "plan")
    assert "activities" in told
    written = {file.stem: file.read_text(encoding="utf-8") for file in (tmp_path / "plan").glob("*.csv")}
    assert written
    assert [name for name, text in written.items() if not text.strip()] == []  # nothing is promised here: no contract


@pytest.mark.parametrize("option", [("--status", "facts.csv"), ("--set", "scale.preparation_days=12")])
@pytest.mark.parametrize(
    "command", [("ask", "DIR", "mw >= 1"), ("export", "DIR", "--to", "csv"), ("compare", "DIR", "DIR")]
)
def test_what_a_stored_result_cannot_take_is_refused(
    stored: Path, command: tuple[str, ...], option: tuple[str, str]
) -> None:
    told = typed(*(stored if word == "DIR" else word for word in command), *option, code=2)
    assert f"{option[0]} is of a configuration that is run" in told


def test_a_file_in_the_place_of_the_folder_is_refused_before_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sim.study.api, "run", lambda *_, **__: pytest.fail("it was run"))
    (tmp_path / "plan").write_text("mine")
    told = typed("export", TINY, "--to", "csv", "--out", tmp_path / "plan", code=2)
    assert "a file stands where the folder of CSV files would be" in " ".join(told.split())
    assert (tmp_path / "plan").read_text() == "mine"


def test_xer_says_that_it_is_experimental(stored: Path, tmp_path: Path) -> None:
    told = typed("export", stored, "--to", "xer", "--level", "2", "--looked-at", "2", "--out", tmp_path / "plan.xer")
    assert "XER is experimental" in told
    assert (tmp_path / "plan.xer").read_bytes().startswith(b"ERMHDR")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("twice.xml",), "several files: with --dry-run only"),
        (("--week",), "--week and --as fit_out are for --into"),
        (("--as", "fit_out"), "--week and --as fit_out are for --into"),
        (("--into", "mine.yaml", "--week", "--calendars"), "--week or --calendars"),
        (("--into", "mine.yaml", "--provides", "grading="), "STEP=ACTIVITY is meant"),
        (("--into", "there.yaml"), "is there already"),
    ],
)
def test_words_of_an_import_that_do_not_go_together_are_told(
    words: tuple[str, ...], said: str, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed("export", stored, "--to", "mspdi", "--level", "2", "--looked-at", "2", "--out", "plan.xml")
    (tmp_path / "there.yaml").write_text("mine")
    done = CliRunner().invoke(main, ["import", "plan.xml", *words])
    assert done.exit_code in (1, 2), done.output
    assert said in " ".join(done.output.split()), done.output
    assert not (tmp_path / "mine.yaml").exists()
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_a_question_is_answered_in_a_line(stored: Path) -> None:
    told = typed("ask", stored, "mw >= 2.5 by 2030-12-31", "lead_time_full_days")
    assert len(told.splitlines()) == 2
    assert "100 %" in told


def test_a_result_is_reported_again_and_as_a_slide(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []  # page and slide have tests of their own and take longest

    def rebuild(directory: Path, **how: Any) -> Path:
        asked.append((directory, how))
        return directory / "report.html"

    monkeypatch.setattr("sim.report.html_report.compare_report.rebuild", rebuild)
    monkeypatch.setattr("sim.report.html_report.one_page.write_slide", lambda _, place: place / "slide.png")
    told = "".join(typed("report", stored, "--slide", "--levers", "--workers", "1").split())
    assert told == f"written:{stored}/report.htmlwritten:{stored}/slide.png"
    assert asked == [(stored, {"levers": True, "workers": 1})]


def test_a_result_is_replayed_as_a_page_and_not_three_at_once(stored: Path, tmp_path: Path) -> None:
    assert "one result, or two side by side" in typed("replay", stored, stored, stored, code=2)
    assert "MB; open it in a browser" in typed("replay", stored, "--out", tmp_path / "r.html")
    assert b"<html" in (tmp_path / "r.html").read_bytes()


def test_a_film_is_written_where_it_is_asked_for(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("sim.report.html_report.replay.film.write_film", lambda *words: asked.append(words))
    assert "written to" in typed("replay", stored, "--to", "gif", "--columns", "2", "--out", tmp_path / "r.gif")
    ((results, *others),) = asked
    assert [one.manifest["name"] for one in results] == ["tiny"]
    assert others == [tmp_path / "r.gif", "gif", 2]


class Shown:
    """In place of what computes the pictures."""

    def __init__(self, config: Path, overrides: tuple[str, ...], **how: Any) -> None:
        self.how = {"config": config, "overrides": overrides, **how}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_the_page_of_sliders_is_served_with_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tornado")
    served: list[tuple[dict[str, Any], int]] = []

    async def serve(shown: Shown, port: int, tell: Callable[[str], None]) -> None:
        served.append((shown.how, port))
        tell("http://127.0.0.1:7/")

    monkeypatch.setattr("sim.report.live.server.serve", serve)
    monkeypatch.setattr("sim.study.analyses.live.Live", Shown)
    told = typed("live", TINY, "--runs", "7", "--workers", "1", "--port", "7", "--set", "logistics.cranes=2")
    assert "http://127.0.0.1:7/  (Ctrl-C ends it)" in told
    ((how, port),) = served
    assert (how["runs"], how["workers"], how["overrides"], port) == (7, 1, ("logistics.cranes=2",), 7)


def test_without_tornado_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tornado.web", None)
    monkeypatch.delitem(sys.modules, "sim.report.live.server", raising=False)
    told = typed("live", TINY, "--workers", "1", code=1)
    assert "sim live needs tornado" in " ".join(told.split())


@pytest.mark.parametrize(("form", "name"), [("mspdi", "plan.xer"), ("xer", "plan.xml"), ("excel", "plan.xml")])
def test_the_ending_of_another_format_is_refused_before_the_runs(
    form: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sim.study.api, "run", lambda *_, **__: pytest.fail("it was run"))
    told = " ".join(typed("export", TINY, "--to", form, "--out", tmp_path / name, code=2).split())
    assert f"which is what --to {form} writes (write " in told


@pytest.mark.parametrize(
    "words", [("plan", TINY, "--to", "svg", "--out", "p.html"), ("replay", "nowhere", "--to", "gif", "--out", "p.mp4")]
)
def test_a_picture_is_not_written_under_the_ending_of_another_kind(words: tuple[object, ...], tmp_path: Path) -> None:
    *before, name = words
    told = " ".join(typed(*before, tmp_path / str(name), code=2).split())
    assert f"which is what --to {before[3]} writes (write " in told
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["plan.mspdi", "plan"])
def test_an_ending_that_no_format_has_is_written_with_a_word_on_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise SimError("no run in this test")

    monkeypatch.setattr(sim.study.api, "run", stopped)
    assert "schedule tools look for .xml" in typed("export", TINY, "--to", "mspdi", "--out", tmp_path / name, code=1)
    (tmp_path / name).write_text("mine")
    told = typed("import", "--dry-run", tmp_path / name, code=2)
    assert told.count(name) == 1
    assert "refused: a file ending in .xml" in told
    assert told.endswith("0 of 1 can be read, 1 file\n")
