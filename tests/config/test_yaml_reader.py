from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sim.config import yaml_reader as reading
from sim.config.source_positions import Address, problem_of
from sim.config.yaml_reader import Document, read_file, read_text
from sim.errors import CONTROL, ConfigError

LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


@pytest.fixture(params=LOADERS, ids=["python", "c"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers read alike."""
    monkeypatch.setattr(reading, "LOADER", request.param)


def said(document: Document) -> list[str]:
    return [str(problem_of(fault, document.tree)) for fault in document.faults]


def refusals(text: str) -> list[str]:
    """What is said about a text, whether reading stopped or went on."""
    try:
        return said(read_text(text, "f"))
    except ConfigError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("Off", "Off"),
        ("12:30", "12:30"),
        ("2026-02-29", "2026-02-29"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("1.0e-2", 0.01),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+7", 7),
        ("0", 0),
        ("0.25", 0.25),
        ("0x1F", 31),
        ("0o17", 15),
        ("017abc", "017abc"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'010'", "010"),
        ('".nan"', ".nan"),
        ("a:1 a:2", "a:1 a:2"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_rules_of_yaml_1_2(text: str, value: object) -> None:
    read = read_text(f"key: {text}", "f").tree["key"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        (".nan", "a finite number"),
        (".inf", "a finite number"),
        ("-.INF", "a finite number"),
        ("1.0e+400", "a number the computer can hold"),
        ("9223372036854775808", "a number the computer can hold"),
        ("9" * 5000, "a number of at most 64 characters"),
        ("010", "a number without leading zeros, or text in quotes"),
        ("-007.5", "a number without leading zeros, or text in quotes"),
    ],
)
def test_numbers_that_are_not_clear_are_refused_where_they_stand(text: str, allowed: str) -> None:
    [message] = refusals(f"a: 1\nb:\n  c: {text}\n")
    assert re.fullmatch(rf"f:3: b\.c: \S+ given, {re.escape(allowed)} expected", message)


def test_every_problem_of_a_readable_file_is_told_at_once() -> None:
    text = "a: &x 1\nb: *x\nc: !!python/name:os.system ''\nd: .nan\nd: 2\n<<: {e: 1}\n? [k]\n: 1\n"
    assert [line.split(": ", 1)[0] for line in refusals(text)] == [
        "f:1",
        "f:2",
        "f:3",
        "f:4",
        "f:5",
        "f:6",
        "f:7",
    ]


def test_a_duplicate_key_keeps_the_first_value_and_names_its_line() -> None:
    document = read_text("a: 1\nb: 2\na: {c: 3}\n", "f")
    assert document.tree == {"a": 1, "b": 2}
    assert said(document) == ["f:3: a: is written twice here, first on line 1"]
    assert set(document.positions) == {(), ("a",), ("b",)}


def test_keys_are_text() -> None:
    assert read_text("2027: 1\nno: 2\n1e3: 3", "f").tree == {"2027": 1, "no": 2, "1e3": 3}


def alias_bomb() -> str:
    levels = [f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(9)]
    return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *levels])


def merge_bomb() -> str:
    return "\n".join(["a0: &a0 {k: 1}", *(f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}" for i in range(25))])


@pytest.mark.parametrize(
    "bomb",
    [alias_bomb(), merge_bomb(), "&a [*a]", "[" * 20_000, "{a: " * 20_000, "- " * 20_000, "a: 1\n" * 20_000],
    ids=["aliases", "merge keys", "cycle", "brackets", "braces", "dashes", "duplicates"],
)
def test_a_bomb_is_refused_before_it_is_built(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    events = 0
    parse = yaml.parse

    def counted(*args: Any, **options: Any) -> Iterator[yaml.Event]:
        nonlocal events
        for event in parse(*args, **options):
            events += 1
            yield event

    monkeypatch.setattr(yaml, "parse", counted)
    messages = refusals(bomb)
    assert 1 <= len(messages) <= reading.MAX_FAULTS
    assert events < 400


def test_an_executable_tag_executes_nothing(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    messages = refusals(f"x: !!python/object/apply:os.system ['touch {canary}']")
    assert messages == ["f:1: x: tags (!) are not read: write plain values"]
    assert not canary.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2", r"f:2: a second document.*"),
        ("a: [1, 2\nb: 3", r"f:2: is not YAML.*"),
        ("a:\n\tb: 1", r"f:2: is not YAML.*indent with spaces.*"),
        ("a: 1\nb: \x00", r"f:2: a character that YAML does not allow"),
        ('a: "\\ud800"', r"f:1: .*"),
        ("a: " + "[" * 32 + "]" * 32, r"f:1: a\.0\.0\..* is nested deeper than 32 levels"),
    ],
)
def test_what_is_not_one_small_document_is_refused(text: str, message: str) -> None:
    [told] = refusals(text)
    assert re.fullmatch(message, told)


def test_a_long_table_is_sent_to_a_csv_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_VALUES", 100)
    assert refusals(f"a: [{'1,' * (reading.MAX_VALUES - 2)}]") == []
    [message] = refusals(f"a:\n  - 1\n  - [{'1,' * reading.MAX_VALUES}]")
    assert message.startswith("f:3: a.1.")
    assert message.endswith("put long tables into CSV files")


def test_depth_up_to_the_limit_is_read() -> None:
    assert refusals("a: " + "[" * 31 + "]" * 31) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"x: " + b"a" * 1_000_000, "is larger than 1000 kB: put long tables into CSV files"),
        (b"a: 1\nb: \xff", "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    [problem] = caught.value.problems
    assert (problem.file, problem.message) == (path.as_posix(), message)
    assert problem.line == (2 if message == "is not UTF-8 text" else 0)


def test_a_byte_order_mark_and_dos_line_ends_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = read_file(path)
    assert document.tree == {"a": 1, "b": 2}
    assert document.positions["b",].line == 2


# --- any tree written as YAML reads back equal, and is found where it was written -------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]).filter(lambda letter: not CONTROL.search(letter)), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def quoted(text: str) -> str:
    plain = (c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return '"' + "".join(plain) + '"'


def scalar(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    words: dict[object, str] = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


class Writer:
    """Writes a tree in block style and notes where each value went."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.places: dict[Address, tuple[int, int]] = {}

    def write(self, node: Any, address: Address = (), indent: int = 0) -> None:
        keyed = isinstance(node, dict)
        for key, value in node.items() if keyed else enumerate(node):
            head = " " * indent + (f"{quoted(str(key))}:" if keyed else "-")
            here = (*address, key)
            self.places[here] = (len(self.lines) + 1, indent + (1 if keyed else 3))
            if isinstance(value, dict | list) and value:
                if not keyed:
                    self.places[here] = (len(self.lines) + 2, indent + 3)
                self.lines.append(head)
                self.write(value, here, indent + 2)
            else:
                empty = "{}" if isinstance(value, dict) else "[]"
                self.lines.append(f"{head} {empty if isinstance(value, dict | list) else scalar(value)}")


@given(tree=st.dictionaries(TEXTS, TREES, min_size=1, max_size=4) | st.lists(TREES, min_size=1, max_size=4))
def test_any_tree_reads_back_equal_and_in_place(tree: Any) -> None:
    writer = Writer()
    writer.write(tree)
    for parser in LOADERS:
        reading.LOADER = parser
        document = read_text("\n".join(writer.lines), "f")
        assert document.faults == []
        assert document.tree == tree
        found = {address: tuple(place)[1:] for address, place in document.positions.items() if address}
        assert found == writer.places


@given(text=st.text(alphabet="ab01.:- \n\t[]{},&*!|>'\"#%@?~e+", max_size=60))
def test_no_text_makes_it_fail_otherwise_than_in_words(text: str) -> None:
    for parser in LOADERS:
        reading.LOADER = parser
        for message in refusals(text):
            assert "\n" not in message
