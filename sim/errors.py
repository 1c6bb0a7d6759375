"""What can go wrong for the person at the keyboard, each with the exit code the command line ends with."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")
"""Characters that move the cursor, colour the screen or turn the direction of writing; line breaks and tabs are text."""


def printable(text: str) -> str:
    """Return a text that a terminal shows and does not obey: control characters as their escapes, lines kept."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


class SimError(Exception):
    """A failure described in one line, without a traceback; `exit_code` is what the shell sees.

    >>> try:
    ...     sim.Result.load("out/missing")
    ... except sim.SimError as error:
    ...     print(error, error.exit_code)
    """

    exit_code = 1


class CheckFailed(SimError):
    """A check, a verification or a baseline comparison did not hold."""


class Stalled(SimError):
    """A project that can never finish, or one that used up its budget of events or time."""

    exit_code = 3


class PartialResults(SimError):
    """Some replications failed; what is left is not the whole study."""

    exit_code = 4


def expected(description: str) -> str:
    """Say what is expected: behind it for a few words, before it for a sentence with a colon.

    >>> expected("a whole number from 1 to 10")
    'a whole number from 1 to 10 expected'
    """
    return f"expected: {description}" if ": " in description or len(description) > LONG else f"{description} expected"


LONG = 90
"""Letters from which on a phrase is not found at the end of a line."""


@dataclass(frozen=True)
class Problem:
    """One mistake in the input: where it stands, the value as written, what is allowed, what was meant.

    `line` and `column` count from 1; 0 means there is no line (an override, a missing file).
    `value` is the text to show, empty when there is none (a missing or an unknown key).
    """

    file: str
    line: int
    column: int
    path: str
    value: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the problem on one line: `configs/x.yaml:12: factories.lines: 0 given, at least 1 expected`."""
        position = f"{self.file}:{self.line}" if self.line else self.file
        problem = f"{self.value} given, {expected(self.message)}" if self.value else self.message
        text = ": ".join(part for part in (position, self.path, problem) if part)
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(SimError):
    """Wrong input: every problem that was found, in the order of the file, one line each.

    >>> try:
    ...     sim.load("configs/hybrid.yaml", ["logistics.crane=3"])
    ... except sim.ConfigError as error:
    ...     print(error)
    """

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take the problems; there is at least one."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[Problem, ...]]]:
        """Survive the way back from a worker process."""
        return ConfigError, (self.problems,)


@dataclass(frozen=True)
class Mistake:
    """A mistake a section found in itself; `path` is relative to that section.

    `message` completes "<value> given, … expected"; with `value=NOTHING` it is the whole sentence. `{other_position}` in it
    is the line and column of the value at `other_address`, a path from the top: the other of two that contradict each other.
    """

    path: tuple[str | int, ...]
    value: object
    message: str
    hint: str = ""
    other_address: tuple[str | int, ...] = ()


NOTHING = object()


class Refused(ValueError):
    """Raised inside a validator to report one or several located mistakes at once."""

    def __init__(self, findings: Iterable[Mistake]) -> None:
        """Take the findings; there is at least one."""
        self.findings = tuple(findings)
        super().__init__("; ".join(finding.message for finding in self.findings))


def closest(word: str, options: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the option that was probably meant, empty if none comes near."""
    plain = {_normalised(option): option for option in sorted(options)}
    near = difflib.get_close_matches(_normalised(word), plain, n=1, cutoff=cutoff)
    return plain[near[0]] if near else ""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return a hint for a word that is not known: the nearest option, or all of them if they are few."""
    choices = sorted(set(options))
    nearest = closest(word, choices)
    if nearest:
        return f"did you mean {nearest}?"
    return f"known here: {', '.join(choices)}" if 0 < len(choices) <= 12 else ""


def _normalised(word: str) -> str:
    """Return a word without case, hyphen or underscore, in which misspellings differ least."""
    return word.lower().replace("-", "_").replace("_", " ")


def without_thousands(text: str) -> str:
    """Return a number as text without what separates its thousands: 1,000 is 1000, and 120,5 stays as it is."""
    return re.sub(r"[_, ](?=[0-9]{3}(?![0-9]))", "", text)
