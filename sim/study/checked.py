"""Something that was checked: what it says, what came out, and whether that holds; for people and for CI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

Outcome = Literal["holds", "fails", "inconclusive"]
# what XML 1.0 cannot carry, whatever it is escaped with
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Checked:
    """One row of a verification: its group and name, what is expected, what was observed, how it went."""

    group: str
    name: str
    expected: str
    observed: str
    outcome: Outcome
    remark: str = ""


def count(rows: Sequence[Checked], outcome: Outcome) -> int:
    """How many rows have that outcome."""
    return sum(row.outcome == outcome for row in rows)


def junit(title: str, rows: Sequence[Checked]) -> bytes:
    """Rows as a JUnit file: what fails is a failure, what could not be told is skipped."""
    suite = ElementTree.Element("testsuite", name=title, tests=str(len(rows)), errors="0")
    suite.set("failures", str(count(rows, "fails")))
    suite.set("skipped", str(count(rows, "inconclusive")))
    for row in rows:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_plain(f"{title}.{row.group}"), name=_plain(row.name)
        )
        said = _plain(f"expected {row.expected}, observed {row.observed}" + (f"; {row.remark}" if row.remark else ""))
        if row.outcome != "holds":
            tag = "failure" if row.outcome == "fails" else "skipped"
            ElementTree.SubElement(case, tag, message=said)
        ElementTree.SubElement(case, "system-out").text = said
    ElementTree.indent(suite)
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def _plain(text: str) -> str:
    return _UNSPEAKABLE.sub("?", text)
