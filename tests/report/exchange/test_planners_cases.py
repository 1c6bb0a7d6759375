"""Small files of planners' tools, each a fault or its neighbour; the right values are worked out by hand.

The files were made for this purpose (`cases/`). Where MPXJ is installed, it reads them as an independent witness.
A lag in calendar days is its working time over the day of its calendar, times seven over the days of its week: 56 h on
five days of eight hours are 7 working days or 9.8 days.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.report.exchange.formats import read_network
from sim.report.exchange.importers.into_config import fragment
from sim.report.exchange.importers.mspdi_import import read_mspdi
from sim.report.exchange.importers.network_import import Link, PlannerNetwork
from sim.report.exchange.importers.source_text import WrongFile, xer_text
from sim.report.exchange.importers.xer_import import read_xer

CASES = Path(__file__).parent / "cases"


def case(name: str) -> PlannerNetwork:
    return read_network(CASES / name)


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("cal_no_hours.xer", {"A10": 6}),  # 60 h of a week of six tens
        ("calendar_24h_options_8h.xml", {"1": 10}),  # 240 h of 24
        ("calendar_4x10_options_8h.xml", {"1": 8}),  # 80 h of tens: two weeks of four
        ("project_calendar_24x7.xer", {"A10": 5}),  # of the five-day week of the activity, not the project's
        ("no_calendar_on_task.xer", {"A10": 5}),
        ("comma.xer", {"A10": 40.5 / 8}),
        ("thousand.xer", {"A10": 150}),  # 1,200.00 h
        ("dur_dec.xml", {"1": 8.5 / 8}),
        ("long.xml", {"1": 2500}),
        ("milestone_only.xml", {"1": 0}),
        ("complete.xer", {"A10": 0, "A11": 5}),
        ("complete.xml", {"1": 0, "2": 5}),
        ("empty_summary.xml", {"1": 0, "2": 5}),
        ("subproject.xml", {"1": 5}),
        ("external.xml", {"2": 5}),
        ("after_inactive.xml", {"1": 5, "3": 5}),
        ("task_cal_lag.xml", {"1": 5, "2": 40 / 24}),
        ("uid0_task.xml", {"0": 5, "1": 5}),
        ("two_projects.xer", {"A10": 5}),
        ("must_finish.xer", {"A10": 5}),
        ("deadline.xml", {"1": 5}),
    ],
)
def test_lengths_are_days_of_the_week_that_is_worked(name: str, days: dict[str, float]) -> None:
    assert {activity.code: activity.days for activity in case(name).activities} == pytest.approx(days)


@pytest.mark.parametrize(
    ("name", "links"),
    [
        ("lag_rcal_24Hour.xer", [Link("10", 56 / 24)]),
        ("lag_rcal_Successor.xer", [Link("10", 56 / 24)]),  # the successor works around the clock
        ("lag_no_options.xer", [Link("10", 9.8)]),  # P6's default is the predecessor's calendar
        ("task_cal_lag.xml", [Link("1", 9.8)]),
        ("lag_decimal.xml", [Link("1", 1.4)]),  # 480 minutes: a working day
        ("lag_estimated.xml", [Link("1", 1.4)]),
        ("lag_pct0.xml", [Link("1")]),
        ("longlag.xml", [Link("1", 14_000)]),  # 80,000 h are 10,000 working days
        ("ff_to_milestone.xer", [Link("10")]),  # the milestone's finish is its start
        ("twolags.xer", [Link("10"), Link("12", 14)]),
        ("loe_between.xer", [Link("10", 0, "SS")]),  # through the level of effort, which starts with A10
        ("twice.xml", [Link("1")]),
        ("uid0_task.xml", [Link("0")]),
        ("crossproject.xml", []),
        ("ext_pred.xer", []),
        ("external.xml", []),
        ("after_inactive.xml", []),
        ("parent_child_link.xml", []),
        ("empty_summary.xml", [Link("1")]),
        ("chinese.xml", [Link("1")]),
    ],
)
def test_links_of_the_last_activity(name: str, links: list[Link]) -> None:
    found = case(name).activities[-1].after
    assert [(link.before, link.type) for link in found] == [(link.before, link.type) for link in links]
    assert [link.lag_days for link in found] == pytest.approx([link.lag_days for link in links], abs=1e-4)


def test_two_activities_of_one_name_keep_their_links() -> None:
    after = {activity.code: activity.after for activity in case("same_names.xer").activities}
    assert after == {"A10": (), "A11": (Link("10", 0, "SS"),), "A12": (Link("11", 0, "FF"),)}


@pytest.mark.parametrize("mode", ["rcal_Predecessor", "rcal_ProjDefault"])
def test_the_other_two_calendars_of_lags(mode: str) -> None:
    text = (CASES / "lag_rcal_24Hour.xer").read_text().replace("rcal_24Hour", mode)
    assert read_xer(text.encode(), "x.xer").activities[1].after == (Link("10", 9.8),)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("external.xml", "links with external tasks, left out; of: 1 (2)"),
        ("after_inactive.xml", "links with inactive tasks, left out; of: 2 (1, 3)"),
        ("crossproject.xml", "links to other projects, left out; of: 1 (1)"),
        ("ext_pred.xer", "links with other projects or tasks outside the file, left out; of: 1 (A10 with 99)"),
        ("subproject.xml", "subprojects, taken as one activity: 1 (1)"),
        ("loe_between.xer", "levels of effort whose links were carried over to what they span: 1 (A12)"),
        ("empty_summary.xml", "summaries without parts, taken as milestones: 1 (1)"),
        ("parent_child_link.xml", "links between a heading and its own part, left out; of: 1 (2)"),
        ("complete.xer", "finished activities, nothing left to do: 1 (A10)"),
        ("complete.xml", "finished activities, nothing left to do: 1 (1)"),
        ("manual_dates.xml", "typed dates (scheduled by hand), not taken over: 1 (1)"),
        ("deadline.xml", "deadlines, not taken over: 1 (1)"),
        ("two_projects.xer", "projects without activities, left out: 1 (Q)"),
        ("no_calendar_on_task.xer", "without calendar, the project's taken: 1 (A10)"),
        ("calendar_4x10_options_8h.xml", "working days are those of '4x10': 4 days of 10 h (Mon-Thu)"),
        ("project_calendar_24x7.xer", "working days are those of '5x8': 5 days of 8 h (Mon-Fri)"),
        ("utf16.xer", "text read as utf-16; another code page by --encoding"),
    ],
)
def test_what_is_not_carried_is_listed_by_kind_with_ids(name: str, told: str) -> None:
    assert told in list(case(name).describe())
    assert f"# {told}\n" in fragment(case(name), "site_works")


def test_a_date_that_must_be_kept_is_listed() -> None:
    text = (CASES / "must_finish.xer").read_text()
    head, row = "proj_id\tclndr_id\tproj_short_name", "%R\t1\t7\tP"
    text = text.replace(head, f"{head}\tplan_end_date", 1).replace(row, f"{row}\t2027-06-30 17:00", 1)
    assert "must finish by, not taken over: 1 (2027-06-30 17:00)" in list(read_xer(text.encode(), "x.xer").describe())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_duration.xml", r"no_duration.xml: task 1 \(Placeholder\): it has no duration"),
        ("dur_neg.xml", "task 1: '-PT8H0M0S' is below zero"),
        ("self.xml", "activities wait for each other: 1 before 1"),
        ("cycle.xml", "activities wait for each other: 1 before 2 before 1"),
        ("lowercase_e.xer", "ends before its end mark"),  # it has none at all: half a file looks like this
    ],
)
def test_what_contradicts_itself_is_refused_with_its_place(name: str, told: str) -> None:
    with pytest.raises(WrongFile, match=told):
        case(name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("long.xml", "activity 1: days 2500 is more than a step can have: 0 to 2000 working days"),
        ("longlag.xml", "activity 2: after.a.lag_days 14000 is more than a step can have: 0 to 3650 days"),
    ],
)
def test_what_a_configuration_cannot_hold_is_refused_by_activity(name: str, told: str) -> None:
    with pytest.raises(WrongFile, match=told):
        fragment(case(name), "site_works")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("utf8.xer", "Gründung Süd"),
        ("utf8_bom.xer", "Gründung Süd"),
        ("utf16.xer", "Pour"),
        ("bom.xml", "Gründung"),
        ("utf16.xml", "Gründung"),
        ("cp1251.xml", "Фундамент"),
        ("chinese.xml", "基础施工"),
        ("gbk.xml", "基础施工"),
        ("names.xml", '{id: "x"} # & é\u2028z'),
    ],
)
def test_text_comes_in_as_it_was_typed(name: str, text: str) -> None:
    assert case(name).activities[0].name == text


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Gründung Süd, Fußboden – 20 °C", "cp1252"),
        ("Dalle béton, façade côté jardin, étanchéité", "cp1252"),
        ("Cimentación y losa, instalación eléctrica", "cp1252"),
        ("Фундаменты и монтаж стальных конструкций", "cp1251"),
        ("Roboty żelbetowe i montaż słupów, część północna", "cp1250"),
        ("Zemní práce, základy, ocelová konstrukce a střecha", "cp1250"),
        ("基础施工 钢结构安装 屋面防水工程", "gbk"),
        ("コンクリートの打設と鉄骨の建て方", "cp932"),
        ("기초 공사 및 철골 설치, 지붕 방수 공사", "cp949"),
    ],
)
def test_the_code_page_of_an_xer_is_found_by_its_words(name: str, encoding: str) -> None:
    text, _ = xer_text(f"ERMHDR\t19.12\r\n%T\tTASK\r\n%R\t{name}\r\n".encode(encoding), "x.xer")
    assert name in text


def test_bytes_of_no_known_page_are_refused_and_can_be_named() -> None:
    data = "ERMHDR\t19.12\n%T\tTASK\n%R\tΘεμελίωση\n".encode("cp737")
    with pytest.raises(WrongFile, match=r"x.xer:3: its text is in no code page that is recognised; name it with"):
        xer_text(data, "x.xer")
    assert "Θεμελίωση" in xer_text(data, "x.xer", "cp737")[0]
    with pytest.raises(WrongFile, match="encoding 'klingon' is not known"):
        xer_text(data, "x.xer", "klingon")


def test_a_currency_that_is_not_read_does_not_decide_the_code_page() -> None:
    data = b"ERMHDR\t19.12\n%T\tCURRTYPE\n%R\t\x88\xfe\x9d\n%T\tTASK\n%R\t"
    assert xer_text(data, "x.xer")[1] == "cp1252"
    assert "Фундамент" in xer_text(data + "Фундамент\n".encode("cp1251"), "x.xer")[0]


@pytest.mark.parametrize("declared", ["GB18030", "Shift_JIS", "windows-1250", "Big5", "EUC-KR"])
def test_encodings_of_xml(declared: str) -> None:
    body = (CASES / "bom.xml").read_text(encoding="utf-8-sig").replace("Gründung", "Beton").replace("UTF-8", declared)
    assert read_mspdi(body.encode(declared), "x.xml").activities[0].name == "Beton"
    wrong = body.replace(declared, "klingon").encode()
    with pytest.raises(WrongFile, match="encoding 'klingon' is not known"):
        read_mspdi(wrong, "x.xml")


def test_ambiguous_numbers_are_refused_or_read_by_their_neighbours() -> None:
    text = (CASES / "thousand.xer").read_text()
    with pytest.raises(WrongFile, match=r"A10: target_drtn_hr_cnt is '1,200', not a number of hours"):
        read_xer(text.replace("1,200.00", "1,200").encode(), "x.xer")
    for written, hours in (("1.200,00", 1200), ("1 200,50", 1200.5), ("1,234,567", 1_234_567), ("0,5", 0.5)):
        found = read_xer(text.replace("1,200.00", written).encode(), "x.xer").activities
        assert found[0].days == pytest.approx(hours / 8), written


@pytest.mark.parametrize("written", ["", " ", "x", "-8", "1e5", "inf", "--1"])
def test_an_absent_length_is_not_zero(written: str) -> None:
    text = (CASES / "thousand.xer").read_text().replace("1,200.00", written)
    with pytest.raises(WrongFile, match=r"x.xer:\d+: .*A10"):
        read_xer(text.encode(), "x.xer")


def test_rows_that_are_too_short_or_broken_are_refused_where_they_count() -> None:
    text = (CASES / "utf8.xer").read_text(encoding="utf-8")
    with pytest.raises(WrongFile, match=r"x.xer:\d+: activity A10 has no duration"):
        read_xer(text.replace("\t40\n", "\n").encode(), "x.xer")
    middle = text.replace("target_drtn_hr_cnt", "create_date\ttarget_drtn_hr_cnt").encode()
    with pytest.raises(WrongFile, match=r"x.xer:\d+: 8 values for 9 fields of TASK"):
        read_xer(middle, "x.xer")
    with pytest.raises(WrongFile, match="begins with 'dung', not with %T"):
        read_xer(text.replace("\t40\n", "\t40\ndung\n").encode(), "x.xer")
    odd = text.replace("%T\tTASK\n", "%T\tMEMO\n%F\ta\tb\n%R\t1\nbroken\n%T\tTASK\n")
    assert "rows of MEMO that are broken (not used); line: 2 (" in "\n".join(read_xer(odd.encode(), "x.xer").describe())


def test_blank_fields_cut_off_a_row_are_blank_and_told() -> None:
    """Editors cut tabs from the ends of lines: what is left fits the first fields, and the rest was blank."""
    text = (
        (CASES / "utf8.xer").read_text(encoding="utf-8").replace("\ttarget_drtn_hr_cnt", "\ttarget_drtn_hr_cnt\tguid")
    )
    network = read_xer(text.encode(), "x.xer")
    assert [activity.days for activity in network.activities] == [5]
    assert "rows of TASK that end before their last fields, taken as blank; line: 1 (10)" in list(network.describe())


def test_a_calendar_that_states_the_finish_of_a_shift_first() -> None:
    """P6 8.4 writes f|16:00|s|08:00; MPXJ reads it as 8 to 16 too."""
    text = (CASES / "cal_no_hours.xer").read_text(encoding="utf-8")
    turned = re.sub(r"s\|(\d\d:\d\d)\|f\|(\d\d:\d\d)", r"f|\2|s|\1", text)
    assert turned != text
    one, other = read_xer(text.encode(), "x.xer"), read_xer(turned.encode(), "x.xer")
    assert one.week == other.week
    assert one.week.day_minutes == 600


def test_the_same_link_twice_is_told() -> None:
    assert "links of one type between the same two activities, the one with the longest lag kept; of: 1 (2)" in list(
        case("twice.xml").describe()
    )


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1256", "أعمال الحفر والردم للموقع"), ("cp1255", "עבודות חפירה ומילוי באתר")]
)
def test_text_of_right_to_left_languages_is_recognised(encoding: str, name: str) -> None:
    text = (CASES / "utf8.xer").read_text(encoding="utf-8")
    old = case("utf8.xer").activities[0].name
    network = read_xer(text.replace(old, name).encode(encoding), "x.xer")
    assert (network.encoding, network.activities[0].name) == (encoding, name)


def percent(amount: str, form: str) -> float:
    """The lag of B after A (five days of eight hours) in calendar days."""
    text = (CASES / "lag_pct0.xml").read_text()
    old = "<LinkLag>0</LinkLag><LagFormat>19</LagFormat>"
    new = f"<LinkLag>{amount}</LinkLag><LagFormat>{form}</LagFormat>"
    return read_mspdi(text.replace(old, new).encode(), "x.xml").activities[1].after[0].lag_days


@pytest.mark.parametrize(
    ("amount", "form", "days"),
    [
        ("50", "19", 3.5),  # half of five working days
        ("50", "51", 3.5),
        ("-20", "19", -1.4),
        ("60", "20", 1),  # 60 % of 40 h, by the clock
        ("4800", "8", 1 / 3),
        ("4800", "40", 1 / 3),  # eight hours by the clock
        ("-4800", "7", -1.4),
        ("4800,0", "37", 1.4),
    ],
)
def test_formats_of_lags(amount: str, form: str, days: float) -> None:
    assert percent(amount, form) == pytest.approx(days, abs=1e-4)


def test_the_dry_run_says_of_each_file_what_comes_in_or_why_not() -> None:
    files = sorted(str(path) for path in CASES.iterdir())
    done = CliRunner().invoke(main, ["import", "--dry-run", *files])
    assert done.exit_code == 2
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert done.output.endswith(f"{len(files) - 7} of {len(files)} can be read, {len(files)} files\n")


def test_the_dry_run_tells_each_project_of_a_file(tmp_path: Path) -> None:
    """A contractor's file often holds several projects; without --project only the dry run reads them all."""
    text = (CASES / "two_projects.xer").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("%R\t10\t"))
    file = tmp_path / "two.xer"
    file.write_text(text.replace(row, f"{row}\n" + row.replace("%R\t10\t1", "%R\t11\t2")), encoding="utf-8")
    refused = CliRunner().invoke(main, ["import", str(file)])
    assert (refused.exit_code, refused.output) == (
        2, f"{file.name}: holds 2 projects (P, Q); choose one with --project\n"
    )  # fmt: skip
    done = CliRunner().invoke(main, ["import", "--dry-run", str(file)])
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if not line.startswith(" ")] == [
        f"{file}, project P:", f"{file}, project Q:", "2 of 2 can be read, 1 file (2 projects)"
    ]  # fmt: skip
    assert done.output.count("1 activity, 0 links (none; 0 lags, 0 leads)") == 2


WITNESS = """
import sys, jpype, mpxj
try:
    jpype.startJVM("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # it is over before more would pay
except jpype.JVMNotFoundException:
    sys.exit(77)
from org.mpxj.reader import UniversalProjectReader
for file in sys.argv[1:]:
    for task in UniversalProjectReader().read(file).getTasks():
        for link in task.getPredecessors():
            before = link.getPredecessorTask()
            print(file.rpartition("/")[2], task.getName(), before.getName(), link.getType(), sep="|")
"""
COMMON = ("twolags.xer", "lag_no_options.xer", "same_names.xer", "chinese.xml", "twice.xml", "task_cal_lag.xml",
          "lag_estimated.xml", "longlag.xml", "uid0_task.xml", "complete.xml")  # fmt: skip


def test_another_program_finds_the_same_links() -> None:
    """MPXJ reads these files; where it says otherwise on purpose (leads, levels of effort), values are by hand."""
    pytest.importorskip("mpxj", reason="mpxj is not installed: pip install mpxj (it brings jpype1; needs Java)")
    files = [str(CASES / name) for name in COMMON]
    done = subprocess.run([sys.executable, "-c", WITNESS, *files], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("there is no Java here for MPXJ")
    assert done.returncode == 0, done.stderr
    ours = []
    for name in COMMON:
        names = {activity.key: activity.name for activity in case(name).activities}
        for activity in case(name).activities:
            ours += [f"{name}|{activity.name}|{names[link.before]}|{link.type}" for link in activity.after]
    assert sorted(ours) == sorted(set(done.stdout.split("\n")) - {""})
