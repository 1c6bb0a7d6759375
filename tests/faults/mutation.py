"""Mutation by field: sound input in which a few values are others, so that what is read by it gets beyond the first check.

Bytes overwritten anywhere are refused by the first parser, and nothing behind it is ever reached. Here most changes keep
the form: a number becomes another of its kind, a word another word of the same file, a line stands twice or not at all.
One in five is as wild as it gets.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

FIELD = re.compile(rb"[^\s,:;|<>\[\]{}()\"'=/%]+")
NUMBER = re.compile(rb"-?\d+(\.\d+)?\Z")
FAMILIAR, WILD = 0.8, 0.2
PIECES = (
    *(bytes([byte]) for byte in b"\x00\xff\n\r\t :=-[]{}'\",.~0"),
    b"", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xae", b"&a ", b"*a", b"<<: ", b"!!python/object:x ", b"? ", b"| ",
    b"> ", b"---\n", b"null", b"true", b"nan", b".inf", b"-1", b"1e999", b"99999999999999999999", b"0.5", b"1_000",
    b"010", b"2026-02-29", b"24:60", b"<x>", b"</x>", b"&lt;", b"<!DOCTYPE x>", b"%s", b"PT1H", b"PT" + b"9" * 400,
    b"id", b"value", b"low", b"high", b"extends: ", b"../", b"a" * 70, b"\x1b[31m", b"[/nope]", b"=1+1",
)  # fmt: skip
"""What a hand or a program may have put where something else belongs."""


def mutated(sound: bytes, how: random.Random) -> bytes:
    """Sound input with one to three changes; the same of the same state of `how`."""
    data = sound
    for _ in range(how.choice((0, 1, 1, 1, 2, 3))):
        data = _other_field(data, how) if how.random() < FAMILIAR else _anything(data, how)
    return data


def _other_field(data: bytes, how: random.Random) -> bytes:
    """One field another of its kind, or one line twice, gone, or elsewhere."""
    fields = list(FIELD.finditer(data))
    if not fields or how.random() < 0.1:
        return _other_lines(data, how)
    numbers = [field for field in fields if NUMBER.match(field[0])]
    field = how.choice(numbers if numbers and how.random() < 0.8 else fields)
    return data[: field.start()] + _like(field[0], fields, how) + data[field.end() :]


def _like(text: bytes, fields: Sequence[re.Match[bytes]], how: random.Random) -> bytes:
    """A number near a number, now and then far from it; another word of the same input for a word."""
    if not NUMBER.match(text) or len(text) > 15:
        return how.choice(fields)[0]
    factor = how.choice((0, 0.5, 0.9, 0.99, 1, 1.01, 1.1, 2, 100, -1))
    places = len(text.partition(b".")[2])
    value = float(text) * factor + (how.choice((-1, 0, 1)) if not places else 0)
    return f"{value:.{places}f}".zfill(len(text) if text.startswith(b"0") and len(text) > 1 else 0).encode()


def _other_lines(data: bytes, how: random.Random) -> bytes:
    """A line twice, gone, or in the place of another."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    at, to = how.randrange(len(lines)), how.randrange(len(lines))
    match how.randrange(3):
        case 0:
            lines.insert(at, lines[at])
        case 1:
            del lines[at]
        case _:
            lines[at], lines[to] = lines[to], lines[at]
    return b"".join(lines)


def _anything(data: bytes, how: random.Random) -> bytes:
    """Some bytes overwritten, put in, doubled or cut out."""
    at, length = how.randint(0, len(data)), how.randint(0, 40)
    match how.randrange(4):
        case 0:
            return data[:at] + how.choice(PIECES) + data[at + length :]
        case 1:
            return data[:at] + how.choice(PIECES) + data[at:]
        case 2:
            return data[: at + length] + data[at:]
        case _:
            return data[:at] + data[at + length :]
