"""The text of planners' files: XML from strangers, and XER in the code page of the machine that wrote it.

XML is read without document types, entities, or more than a stated size and depth: a document type is where entities
are declared, and entities are what XML bombs and stolen files are made of; no schedule needs one.

An XER says nothing about its code page. It is found by its byte order mark, by being valid UTF-8, or by which of the
common code pages makes words of its bytes; where none does, the user is asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from unicodedata import category, name
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from sim.errors import SimError


class WrongFile(SimError):
    """A planner's file that cannot be read, or that says something a step network cannot."""

    exit_code = 2


# --- XML --------------------------------------------------------------------------------------------------------------

MAX_BYTES = 64_000_000
MAX_LEVELS = 40
MAX_ELEMENTS = 3_000_000
_DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ENCODINGS_OF_PARSER = {"utf-8", "utf8", "utf-16", "us-ascii", "ascii"}


def read_xml(data: bytes, file: str, encoding: str | None = None) -> Element:
    """Read a document as a tree whose tags have no namespace; WrongFile if it is not one we read.

    The encoding is the one the document declares unless `encoding` names another.
    """
    from defusedxml import DTDForbidden
    from defusedxml.ElementTree import XMLParser

    if len(data) > MAX_BYTES:
        raise WrongFile(f"{file}: {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    builder = _Builder(file)
    text, override = _as_utf8(data, file, encoding)
    parser = XMLParser(target=builder, encoding=override, forbid_dtd=True)
    try:
        parser.feed(text)
        root: Element = parser.close()
    except DTDForbidden as error:
        reason = f"has a document type ({error.name}); schedules have none, and entities are not read"
        raise WrongFile(f"{file}: {reason}") from error
    except ParseError as error:
        raise WrongFile(f"{file}:{error.position[0]}: not XML: {str(error).partition(': line')[0]}") from error
    except (ValueError, LookupError) as error:
        raise WrongFile(f"{file}: its encoding cannot be read ({error}); save it as UTF-8") from error
    return root


def _as_utf8(data: bytes, file: str, encoding: str | None) -> tuple[bytes, str | None]:
    """Return (data, encoding) for the XML parser: as they are, with None, if it knows the encoding, else as UTF-8."""
    declared = _DECLARED_ENCODING.match(data[:200].lstrip())
    label = encoding or (declared[1].decode() if declared else "utf-8")
    if label.lower() in _ENCODINGS_OF_PARSER or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data, None
    try:
        return data.decode(label).encode(), "utf-8"
    except LookupError as error:
        raise WrongFile(
            f"{file}:1: encoding {label!r} is not known; name it with --encoding or save as UTF-8"
        ) from error
    except UnicodeError as error:
        raise WrongFile(f"{file}:1: its bytes are not {label}; name the encoding with --encoding") from error


class _Builder:
    """Builds the tree of elements; refuses more of them, or more levels, than are read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = TreeBuilder()
        self.depth = self.elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_LEVELS or self.elements > MAX_ELEMENTS:
            raise WrongFile(f"{self.file}: nested too deeply or too long to be a schedule")
        self.tree.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        """End an element."""
        self.depth -= 1
        self.tree.end(tag.rpartition("}")[2])

    def data(self, text: str) -> None:
        """Take text between elements."""
        self.tree.data(text)

    def close(self) -> Element:
        """Return the root."""
        return self.tree.close()


# --- XER --------------------------------------------------------------------------------------------------------------

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_TABLES_WITH_NAMES = {b"PROJECT", b"CALENDAR", b"PROJWBS", b"TASK"}
_DOUBLE_BYTE = ("gbk", "cp932", "cp949")
_MIN_SCORE = 0.5
"""Least mean score of the characters beyond ASCII for a code page to be taken."""
_SURELY_KOREAN = 8
"""So many characters of Korean could be Chinese by chance once in sixty: a third of Chinese lies beyond them."""
_DASHES = "\u2019\u2013\u00b7-"
_ORDINALS = "ºª"
_SIGNS = set("°±²³·—“”„•…€£§©®™½¼¾×µ«»№¿¡\u2018" + _DASHES)
_LETTERS = {
    "cp1252": ("äöüß", "àâæçéèêëîïôùûüÿœ", "áéíñóúü", "áâãàçéêíóôõú", "àèéìòùî", "æøåäöéü", "áðéíóúýþæö"),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áčďéíĺľňóôŕšťúýžä", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1251": ("оеаинтсрвлкмдпу",),
    "cp1253": ("αοιετσνηυρπκμλςάόέίήύώ",),
    "cp1254": ("çğ\u0131iöşüâîû",),
    "cp1255": ("אבגדהוזחטיכלמנסעפצקרשתךםןףץ",),
    "cp1256": ("ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئء",),
}
"""Non-ASCII letters of each language that uses a code page; of other scripts only the common letters."""
_RARE = {"cp1251": 0.5, "cp1253": 0.5, "cp1255": 0.5, "cp1256": 0.5}


def xer_text(data: bytes, file: str, encoding: str | None = None) -> tuple[str, str]:
    """Return an XER's text and the name of its encoding; WrongFile where the encoding cannot be recognised."""
    guessed = encoding is None
    encoding = encoding or _encoding_of(data)
    if encoding is None:
        undecided = set(_lines_with_names(data))
        line_numbers = [number for number, line in enumerate(data.split(b"\n"), 1) if line in undecided]
        reason = "its text is in no code page that is recognised; name it with --encoding (cp1252, cp1251, gbk, …)"
        raise WrongFile(f"{file}:{line_numbers[0]}: {reason}")
    try:
        # the lines that are read fit a guess; others may hold anything
        text = data.decode(encoding, errors="replace" if guessed else "strict")
    except LookupError as error:
        raise WrongFile(f"{file}: encoding {encoding!r} is not known") from error
    except UnicodeError as error:
        raise WrongFile(f"{file}: its bytes are not {encoding}: {error}") from error
    return text.removeprefix("\ufeff"), encoding.removesuffix("-sig")


def _encoding_of(data: bytes) -> str | None:
    """Return the encoding by byte order mark, zero bytes, valid UTF-8, or the code page in which the text looks like words.

    None where no code page does.
    """
    for mark, label in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return label
    if b"\x00" in data[:64]:
        return "utf-16-be" if data[:1] == b"\x00" else "utf-16-le"
    if _decode_strictly(data, "utf-8") is not None:
        return "utf-8"
    sample = b"\n".join(_lines_with_names(data))[:200_000]
    if not sample:
        return "cp1252"  # what is not ASCII stands in tables that nobody reads, such as signs of currencies
    scores = {label: _score(sample, label) for label in (*_LETTERS, *_DOUBLE_BYTE)}
    best = max(scores, key=lambda label: scores[label])
    if best == "gbk" and scores["cp949"] == scores["gbk"]:
        letters = sum(ord(character) > 127 for character in sample.decode("gbk"))
        best = "cp949" if letters >= _SURELY_KOREAN else ""
    return best if best and scores[best] >= _MIN_SCORE else None


def _lines_with_names(data: bytes) -> Iterator[bytes]:
    """Yield the lines that are not plain ASCII, from the tables that have names in them."""
    in_table_with_names = False
    for line in data.split(b"\n"):
        if line.startswith(b"%T"):
            in_table_with_names = line[2:].strip() in _TABLES_WITH_NAMES
        elif not line.isascii() and (in_table_with_names or not line.startswith(b"%")):
            yield line


def _decode_strictly(data: bytes, encoding: str) -> str | None:
    """Decode strictly; None where the bytes are not of that encoding."""
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _score(sample: bytes, encoding: str) -> float:
    """Return how well the non-ASCII bytes make words in an encoding: 1 is letters next to letters, below 0 is noise."""
    text = _decode_strictly(sample, encoding)
    if text is None:
        return -1.0
    scorers = (
        [_DOUBLE_BYTE_SCORES[encoding]]
        if encoding in _DOUBLE_BYTE
        else [_single_byte_score(encoding, letters) for letters in _LETTERS[encoding]]
    )
    padded = f" {text} "
    positions = [position for position, character in enumerate(padded) if ord(character) > 127]
    if not positions:
        return -1.0
    return max(
        sum(scorer(*padded[position - 1 : position + 2]) for position in positions) / len(positions)
        for scorer in scorers
    )


def _single_byte_score(encoding: str, alphabet: str) -> Callable[[str, str, str], float]:
    """Return a function that scores a character of a single-byte code page by its neighbours, for one language's alphabet."""
    base_score, rare_score, other_script = (
        0.05 if encoding == "cp1252" else 0.0,
        _RARE.get(encoding, -0.5),
        encoding in _RARE,
    )

    def score(previous: str, character: str, following: str) -> float:
        if character in _ORDINALS:
            return base_score + 0.6
        if not category(character).startswith("L"):
            between_letters = previous.isalpha() and following.isalpha()
            return base_score + (0.6 if character in _SIGNS and (not between_letters or character in _DASHES) else -0.5)
        if not other_script and _is_accented(previous) and _is_accented(following):
            return -0.5  # Latin words are never made of accents alone
        if (previous.islower() and character.isupper()) or not (
            _same_script(character, previous) and _same_script(character, following)
        ):
            return -0.5
        if not previous.isalpha() and not following.isalpha():
            return base_score + 0.3
        return base_score + 0.9 if character.lower() in alphabet else rare_score

    return score


def _is_accented(character: str) -> bool:
    """Return whether a character is a letter that is not ASCII."""
    return ord(character) > 127 and character.isalpha()


def _same_script(character: str, neighbour: str) -> bool:
    """Return whether a neighbour is not a letter, or is one of the same script."""
    return not neighbour.isalpha() or name(character, "?").split()[0] == name(neighbour, "??").split()[0]


def _double_byte_score(encoding: str, low: int, high: int, kana: bool = False) -> Callable[[str, str, str], float]:
    """Return a function that scores a character of two bytes: common if its first byte lies from `low` to `high`."""

    def score(_before: str, character: str, _after: str) -> float:
        raw = character.encode(encoding)
        if len(raw) == 1:
            return -0.5
        common = low <= raw[0] <= high and (kana or raw[1] >= 0xA1)
        punctuation = (
            (0x81, 0x82, 0x83) if kana else (0xA1, 0xA3)
        )  # first bytes of punctuation, and of Japanese syllables
        return 1.0 if common else (0.6 if raw[0] in punctuation else -0.8)

    return score


# Hangul has first bytes up to C8; Chinese has a third of its common characters beyond, so Korean wins only without.
_DOUBLE_BYTE_SCORES = {
    "gbk": _double_byte_score("gbk", 0xB0, 0xD7),
    "cp932": _double_byte_score("cp932", 0x88, 0x97, kana=True),
    "cp949": _double_byte_score("cp949", 0xB0, 0xC8),
}


# --- numbers ----------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-?(\d{1,3}([ .,\u00a0]\d{3})+|\d+)?([.,]\d*)?")


def decimal_mark(texts: Iterable[str]) -> str:
    """Return the decimal mark that the numbers show; empty if they show none."""
    marks = {match[1] for text in texts if (match := re.fullmatch(r"-?\d+([.,])(\d{1,2}|\d{4,})", text))}
    return marks.pop() if len(marks) == 1 else ""


@lru_cache(maxsize=10_000)  # lengths and lags of a schedule are the same few hundred numbers
def plain_number(text: str, decimal: str) -> float | None:
    """Return the number that a text of digits, commas and points stands for; None if it is no number or ambiguous."""
    if not _NUMBER.fullmatch(text):
        return None
    digits = re.sub(r"[ \u00a0]", "", text)
    separators = [separator for separator in digits if separator in ".,"]
    if len(set(separators)) == 2:  # 1,200.00 or 1.200,00: the last one stands before decimals
        digits = digits.replace(separators[0], "").replace(",", ".")
    elif len(separators) > 1:
        digits = digits.replace(separators[0], "")
    elif separators and re.fullmatch(r"-?\d{1,3},\d{3}", digits):
        if not decimal:
            return None
        digits = digits.replace(",", "." if decimal == "," else "")
    elif separators and decimal == "," and re.fullmatch(r"-?\d{1,3}\.\d{3}", digits):
        digits = digits.replace(".", "")
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """Return a date and time as a file has it; None where there is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


# --- tables of an XER -------------------------------------------------------------------------------------------------

TABLES_READ = frozenset({"PROJECT", "CALENDAR", "SCHEDOPTIONS", "PROJWBS", "TASK", "TASKPRED", "TASKRSRC", "RSRC"})
FIELDS_OF_USERS = frozenset({"UDFTYPE", "UDFVALUE"})
_VALUE_PATTERNS = {
    "date": re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?"),
    "id": re.compile(r"-?\d+"),
    "cnt": re.compile(r"-?[\d.,]+"),
    "flag": re.compile(r"[YN]"),
    "type": re.compile(r"[A-Z]{2,4}_\w+|\d+"),
}
"""The pattern of a field's values, by the last word of the field's name."""


class Row(dict[str, str]):
    """A row of a table by field, without blanks around values, and its line in the file."""

    def __init__(self, line: int, fields: Iterable[str], cells: Iterable[str]) -> None:
        super().__init__(zip(fields, cells, strict=False))
        self.line = line

    def __missing__(self, name: str) -> str:
        """Return an empty value where the table has no such field, or the row ends before it."""
        return ""


Tables = dict[str, list[Row]]


def xer_tables(
    text: str, file: str, report: Callable[[str, str], None], names_wanted: frozenset[str] = TABLES_READ
) -> Tables:
    """Return the wanted tables of a file; a broken line is an error in a table that is read, else passed to `report`."""
    if not text.startswith("ERMHDR\t"):
        raise WrongFile(f"{file}: not an XER file: it does not begin with ERMHDR")
    tables: Tables = {}
    name, fields, is_wanted = "", list[str](), False
    for number, line in enumerate(text.split("\n"), 1):
        mark, *cells = line.rstrip("\r").split("\t")
        if mark in ("%E", "%e"):
            return tables
        if mark == "%T" and cells:
            name, fields = cells[0].strip(), []
            is_wanted = name in names_wanted
            tables.setdefault(name, [])
        elif mark == "%F":
            fields = [cell.strip() for cell in cells]
        elif mark == "%R" and name and fields and len(cells) == len(fields):
            if is_wanted:  # half of a contractor's file is codes and notes that nobody asks for
                tables[name].append(Row(number, fields, map(str.strip, cells)))
        elif mark == "%R" and name and 0 < len(cells) < len(fields) and _values_fit(fields, cells):
            tables[name].append(Row(number, fields, map(str.strip, cells)))
            report(f"rows of {name} that end before their last fields, taken as blank; line", str(number))
        elif number > 1 and line.strip():
            _broken_line(number, mark, len(cells), fields, name, file, report)
    raise WrongFile(f"{file}: ends before its end mark (%E); it is not whole")


def _values_fit(fields: Sequence[str], cells: Sequence[str]) -> bool:
    """Return whether the values of a short row match the types of its first fields, so that only its end was cut off."""
    matches = 0
    for field, value in zip(fields, cells, strict=False):
        pattern = _VALUE_PATTERNS.get(field.rpartition("_")[2])
        if pattern is None or not value.strip():
            continue
        if not pattern.fullmatch(value.strip()):
            return False
        matches += 1
    # one value that fits can be chance: a row is believed where its last value is of a known form, or several are
    return matches > 1


def _broken_line(
    line: int, mark: str, cells: int, fields: list[str], table: str, file: str, report: Callable[[str, str], None]
) -> None:  # fmt: skip
    """Raise WrongFile for a line that is no row of its table, or report it where the table is not read."""
    reason = f"{cells} values for {len(fields)} fields of {table or 'no table'}"
    if mark != "%R":
        reason = f"begins with {mark[:20]!r}, not with %T, %F, %R or %E: a line broken in two"
    if table in TABLES_READ or not table:
        raise WrongFile(f"{file}:{line}: {reason}")
    report(f"rows of {table} that are broken (not used); line", str(line))
