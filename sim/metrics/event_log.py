"""One run as columns: its log beside what the plan knows about every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.metrics.kernels.interface import (
    GROUP_BITS,
    LABOUR_CALENDAR,
    LABOUR_PEOPLE,
    LOG_DETAIL,
    LOG_MINUTE,
    LOG_STEP,
    Kernels,
    OpenHours,
    Scan,
    StepGroups,
    Table,
)
from sim.metrics.kernels.numpy_kernels import NUMPY
from sim.plan.compile import CompiledPlan
from sim.plan.vocabulary import NOTE, SIGNAL, WORK
from sim.world.working_time import Calendar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 1440
MONTH = 43_830
"""Minutes of a month of 365.25/12 days."""
PEOPLED, FIRST_KIND = 1, 2
"""Groups of steps: 0 is not measured by rows; work by people; the notes, kind by kind; what completes the project."""


def open_hours(calendar: Calendar) -> OpenHours:
    """Return a calendar as kernels read it."""
    return OpenHours(calendar.starts, calendar.ends, calendar.done)


@dataclass(frozen=True)
class Notes:
    """All notes of one kind, in the order of the log: when, about which item (by number), and how much."""

    minute: Ints
    item: Ints
    amount: Ints


@dataclass(frozen=True, eq=False)
class Index:
    """What is looked up about a plan's steps once and used for every run."""

    plan: CompiledPlan
    operation: NDArray[np.uint8]
    first_argument: NDArray[np.int32]
    kinds: tuple[str, ...]
    items: tuple[str, ...]
    kind_of_note: Ints
    item_of_note: Ints
    peopled: NDArray[np.bool_]

    @classmethod
    def of(cls, plan: CompiledPlan) -> Index:
        """Number the kinds and items of a plan's notes."""
        # a dict for its order: numbers must be the same in every process
        kinds = tuple(dict.fromkeys(note.kind for note in plan.notes))
        items = tuple(dict.fromkeys(note.item for note in plan.notes))
        kind_number, item_number = _numbers(kinds), _numbers(items)
        return cls(
            plan,
            plan.rows[:, 0].astype(np.uint8),
            plan.rows[:, 1].astype(np.int32),
            kinds,
            items,
            np.array([kind_number[note.kind] for note in plan.notes], np.int64),
            np.array([item_number[note.item] for note in plan.notes], np.int64),
            np.asarray(plan.people.sum(axis=1) > 0),
        )

    @cached_property
    def group_of_step(self) -> NDArray[np.uint16]:
        """Return the group of every step; small numbers, which are sorted in no time."""
        kinds = self.kind_of_note[np.where(self.operation == NOTE, self.first_argument, 0)] if len(self.kinds) else 0
        peopled = np.where((self.operation == WORK) & self.peopled, PEOPLED, 0)
        groups = np.where(self.operation == NOTE, FIRST_KIND + kinds, peopled)
        # the completing signals last: a scan counts them against the gate's level as it goes
        return np.where(self.completes, self.groups - 1, groups).astype(np.uint16)

    @property
    def groups(self) -> int:
        """Return how many groups of steps there are."""
        return FIRST_KIND + len(self.kinds) + 1

    @cached_property
    def step_groups(self) -> StepGroups:
        """Return what a scan of a log looks up about every step."""
        plan = self.plan
        mark = (plan.unit_of.astype(np.int64) << GROUP_BITS | self.group_of_step).astype(np.int32)
        return StepGroups(mark, self.group_of_step, self.groups, len(plan.units), plan.finish[1])

    @cached_property
    def rank_of_step(self) -> NDArray[np.integer]:
        """Return the unit of every step, in the smallest numbers there are: short ones are sorted in no time."""
        return self.plan.unit_of.astype(np.min_scalar_type(len(self.plan.units)))

    @cached_property
    def completes(self) -> NDArray[np.bool_]:
        """Return which steps signal the gate by which the project is finished."""
        return np.asarray((self.operation == SIGNAL) & (self.first_argument == self.plan.finish[0]))

    @property
    def people_of_step(self) -> Table:
        """Return how many people are busy with every step."""
        return self.labour_of_step[:, LABOUR_PEOPLE]

    def items_of(self, steps: Ints) -> Ints:
        """Return what notes are about, by number; no table of it, as few steps are notes."""
        return self.item_of_note[self.first_argument[steps]]

    @property
    def calendar_of_step(self) -> Table:
        """Return the calendar of every step that is work."""
        return self.labour_of_step[:, LABOUR_CALENDAR]

    @cached_property
    def labour_of_step(self) -> Table:
        """Return the calendar and people of every step, and the input whose content it earns, or -1."""
        earns = np.where(self.plan.earns, self.first_argument, -1)
        calendar = np.where(self.operation == WORK, self.plan.rows[:, 2], 0)
        return np.stack([calendar, self.plan.people.sum(axis=1), earns], axis=1, dtype=np.int32, casting="same_kind")

    @cached_property
    def peopled_calendars(self) -> tuple[int, ...]:
        """Return the calendars on which people work."""
        return tuple(np.unique(self.calendar_of_step[(self.operation == WORK) & self.peopled]).tolist())

    def item_positions(self, names: Sequence[str]) -> Ints:
        """Return for each item its position among these names, or -1."""
        # every run asks with the same names, block by block; the plan's answer is kept
        key = tuple(names)
        if key not in self._positions:
            position_of_name = _numbers(key)
            self._positions[key] = np.array([position_of_name.get(name, -1) for name in self.items], np.int64)
        return self._positions[key]

    def positions_by_step(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Return for each step the position, among these names, of the item that its note is about, or -1."""
        key = tuple(names)
        if key not in self._positions_by_step:
            notes = np.flatnonzero(self.operation == NOTE)
            self._positions_by_step[key] = np.full(len(self.operation), -1, np.int32)
            self._positions_by_step[key][notes] = self.item_positions(names)[self.items_of(notes)]
        return self._positions_by_step[key]

    @cached_property
    def _positions_by_step(self) -> dict[tuple[str, ...], NDArray[np.int32]]:
        return {}

    def part_positions(self, names: Sequence[str]) -> Ints:
        """Return for each item (electrical/b17) the position of its part (electrical) among these names, or -1."""
        # another first name keeps these apart from `item_positions` in the same store
        key = ("/", *names)
        if key not in self._positions:
            position_of_name = _numbers(tuple(names))
            self._positions[key] = np.array(
                [position_of_name.get(part, -1) for part in self.part_of_item.tolist()], np.int64
            )
        return self._positions[key]

    @cached_property
    def _positions(self) -> dict[tuple[str, ...], Ints]:
        return {}

    @cached_property
    def number_of_kind(self) -> dict[str, int]:
        """Return the number of every kind of notes by name."""
        return _numbers(self.kinds)

    @cached_property
    def number_of_item(self) -> dict[str, int]:
        """Return the number of every item by name."""
        return _numbers(self.items)

    @cached_property
    def counts(self) -> Ints:
        """Return how much of every pool each bundle has, shape (bundles, pools)."""
        counts = np.zeros((len(self.plan.bundles), len(self.plan.pools)), np.int64)
        for number, bundle in enumerate(self.plan.bundles):
            for pool, count in bundle:
                counts[number, pool] = count
        return counts

    @cached_property
    def part_of_item(self) -> NDArray[np.str_]:
        """Return the part every item is of, without its place: electrical for electrical/b17."""
        part = {note.item: note.part for note in self.plan.notes}
        return np.array([part[item] for item in self.items], np.str_)

    @cached_property
    def place_of_item(self) -> tuple[str, ...]:
        """Return the place every item is for: b17 for electrical/b17; empty where it has none."""
        place = {note.item: note.place for note in self.plan.notes}
        return tuple(place[item] for item in self.items)


def _numbers(names: Sequence[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


@dataclass(frozen=True)
class Record:
    """One run: its log of shape (rows, 3), the content minutes of its inputs, its calendars and shared factors.

    `kernels` are what long passes over it are done with.
    """

    index: Index
    log: Ints
    content: Ints
    calendars: Sequence[Calendar]
    factors: Floats = field(default_factory=lambda: np.zeros(0))
    kernels: Kernels = NUMPY

    @classmethod
    def of(
        cls,
        index: Index,
        log: Ints,
        content: Ints,
        calendars: Sequence[Calendar],
        factors: Floats | None = None,
        kernels: Kernels = NUMPY,
    ) -> Record:
        """Take a run; prices need its `factors`."""
        return cls(index, log, content, calendars, np.zeros(0) if factors is None else factors, kernels)

    @cached_property
    def minute(self) -> Ints:
        """Return the minute of every row."""
        # a copy: a column of a table of rows is read with a stride, three times the memory
        return self.log[:, LOG_MINUTE].copy()

    @cached_property
    def step(self) -> Ints:
        """Return the step of every row."""
        return self.log[:, LOG_STEP].copy()

    @cached_property
    def detail(self) -> Ints:
        """Return the third number of every row, whose meaning depends on the operation."""
        return self.log[:, LOG_DETAIL].copy()

    @property
    def begun(self) -> Ints:
        """Return the minute begun; of holds, works, waits and dates only."""
        return self.detail

    @property
    def amount(self) -> Ints:
        """Return the amount; of signals and notes only."""
        return self.detail

    @property
    def jumped(self) -> Ints:
        """Return 1 where the jump was taken, else 0; of jumps (again) only."""
        return self.detail

    @property
    def end(self) -> int:
        """Return the minute of the last row; 0 where nothing was done."""
        return int(self.log[-1, 0]) if len(self.log) else 0

    @cached_property
    def operation(self) -> NDArray[np.uint8]:
        """Return the operation of every row; only explanations and checks need it."""
        return self.index.operation[self.step]

    @property
    def when(self) -> Ints:
        """Return when every step was done for the last time, or -1."""
        return self.scan.done_minute

    @property
    def works(self) -> Ints:
        """Return what is work by people, shape (rows, 3), in the order of the log."""
        return self._of(PEOPLED)

    @cached_property
    def scan(self) -> Scan:
        """Return what one pass over the log finds."""
        return self.kernels.scan_log(self.log, self.index.step_groups)

    def _of(self, group: int) -> Ints:
        """Return the rows of one group, in the order of the log."""
        return self.scan.grouped_rows[self.scan.group_ends[group - 1] : self.scan.group_ends[group]]

    def noted(self, kind: str) -> Notes:
        """Return the notes of one kind."""
        rows = self.noted_rows(kind)
        if not len(rows):
            none = np.zeros(0, np.int64)
            return Notes(none, none, none)
        return Notes(rows[:, 0], self.index.items_of(rows[:, 1]), rows[:, 2])

    def noted_rows(self, kind: str) -> Ints:
        """Return the rows of the notes of one kind, shape (rows, 3): minute, step, amount."""
        number = self.index.number_of_kind.get(kind)
        return np.zeros((0, 3), np.int64) if number is None else self._of(FIRST_KIND + number)
