"""One run as columns: its log beside what the plan knows about every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from sim.plan.compiled_plan import Column, CompiledPlan
from sim.plan.vocabulary import NOTE, SIGNAL, WORK
from sim.world.working_time import Calendar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY = 1440
MONTH = 43_830
"""Minutes of a month of 365.25/12 days."""
FIRST_WORK_GROUP = 1
"""Groups of steps: 0 is not measured by rows; then work by people, a group a calendar; notes, a group a kind; and signals of
completion."""


def open_hours(calendar: Calendar) -> OpenHours:
    """Return a calendar as kernels read it."""
    return OpenHours(calendar.starts, calendar.ends, calendar.done)


@dataclass(frozen=True)
class Notes:
    """All notes of one kind in a log, in its order: minute, number of the item that each is about, and amount."""

    minute: Ints
    item: Ints
    amount: Ints


@dataclass(frozen=True, eq=False)
class PlanIndex:
    """Look-up tables of a plan's steps and notes, made once and used for every run."""

    plan: CompiledPlan
    operation: NDArray[np.uint8]
    first_argument: NDArray[np.int32]
    kinds: tuple[str, ...]
    items: tuple[str, ...]
    kind_of_note: Ints
    item_of_note: Ints
    has_people: NDArray[np.bool_]

    @classmethod
    def of(cls, plan: CompiledPlan) -> PlanIndex:
        """Make the look-up tables of a plan; kinds and items of notes are numbered in the order in which they first come."""
        # a dict for its order: numbers must be the same in every process
        kinds = tuple(dict.fromkeys(note.kind for note in plan.notes))
        items = tuple(dict.fromkeys(note.item for note in plan.notes))
        kind_number, item_number = _numbers(kinds), _numbers(items)
        return cls(
            plan,
            plan.rows[:, Column.OPERATION].astype(np.uint8),
            plan.rows[:, Column.ARGUMENT].astype(np.int32),
            kinds,
            items,
            np.array([kind_number[note.kind] for note in plan.notes], np.int64),
            np.array([item_number[note.item] for note in plan.notes], np.int64),
            np.asarray(plan.people.sum(axis=1) > 0),
        )

    @cached_property
    def group_of_step(self) -> NDArray[np.uint16]:
        """Return the group by step, in 16 bits: short integers are sorted fast."""
        kind_of_step = (
            self.kind_of_note[np.where(self.operation == NOTE, self.first_argument, 0)] if len(self.kinds) else 0
        )
        is_work = (self.operation == WORK) & self.has_people
        rank_of_calendar = np.searchsorted(self.staffed_calendars, self.calendar_of_step)
        work_group = np.where(is_work, FIRST_WORK_GROUP + rank_of_calendar, 0)
        groups = np.where(self.operation == NOTE, self.first_note_group + kind_of_step, work_group)
        # the completing signals last: a scan counts them against the gate's level as it goes
        return np.where(self.completes, self.groups - 1, groups).astype(np.uint16)

    @property
    def groups(self) -> int:
        """Return how many groups of steps there are."""
        return self.first_note_group + len(self.kinds) + 1

    @property
    def first_note_group(self) -> int:
        """Return the number of the first group of notes, behind those of works."""
        return FIRST_WORK_GROUP + len(self.staffed_calendars)

    @cached_property
    def step_groups(self) -> StepGroups:
        """Return unit and group by step, as a scan of a log looks them up."""
        plan = self.plan
        mark = (plan.unit_of.astype(np.int64) << GROUP_BITS | self.group_of_step).astype(np.int32)
        return StepGroups(mark, self.group_of_step, self.groups, len(plan.units), plan.finish[1])

    @cached_property
    def rank_of_step(self) -> NDArray[np.integer]:
        """Return the unit by step, in the shortest integers that hold it: short ones are sorted fast."""
        return self.plan.unit_of.astype(np.min_scalar_type(len(self.plan.units)))

    @cached_property
    def is_skid(self) -> NDArray[np.bool_]:
        """Return by unit whether it is a skid."""
        return np.array([info.kind == "skid" for info in self.plan.unit_info], np.bool_)

    @cached_property
    def completes(self) -> NDArray[np.bool_]:
        """Return by step whether it signals the completion gate."""
        return np.asarray((self.operation == SIGNAL) & (self.first_argument == self.plan.finish[0]))

    @property
    def people_of_step(self) -> Table:
        """Return by step how many people are busy with it."""
        return self.labour_of_step[:, LABOUR_PEOPLE]

    def items_of(self, steps: Ints) -> Ints:
        """Return the numbers of the items that some steps, all of them notes, are about."""
        return self._item_of_step[steps]

    @cached_property
    def _item_of_step(self) -> Ints:
        """Return by step the number of the item that its note is about, or -1."""
        items = np.full(len(self.operation), -1, np.int64)
        notes = np.flatnonzero(self.operation == NOTE)
        items[notes] = self.item_of_note[self.first_argument[notes]]
        return items

    @property
    def calendar_of_step(self) -> Table:
        """Return the calendar's number by step; 0 where a step is no work."""
        return self.labour_of_step[:, LABOUR_CALENDAR]

    @cached_property
    def labour_of_step(self) -> Table:
        """Return by step the columns `LABOUR_…`: calendar, people, and the input whose work content it earns, or -1."""
        input_earned = np.where(self.plan.earns, self.first_argument, -1)
        calendar = np.where(self.operation == WORK, self.plan.rows[:, Column.CALENDAR], 0)
        return np.stack(
            [calendar, self.plan.people.sum(axis=1), input_earned], axis=1, dtype=np.int32, casting="same_kind"
        )

    @cached_property
    def staffed_calendars(self) -> tuple[int, ...]:
        """Return the calendars on which people work."""
        return tuple(np.unique(self.calendar_of_step[(self.operation == WORK) & self.has_people]).tolist())

    def items_noted(self, kind: str) -> Ints:
        """Return the numbers of the items that the plan's notes of one kind are about."""
        if kind not in self._items_by_kind:
            self._items_by_kind[kind] = self.item_of_note[self.kind_of_note == self.number_of_kind.get(kind, -1)]
        return self._items_by_kind[kind]

    @cached_property
    def _items_by_kind(self) -> dict[str, Ints]:
        return {}

    def item_positions(self, names: Sequence[str]) -> Ints:
        """Return by item its position among these names, or -1."""
        # every run asks with the same names, block by block; the plan's answer is kept
        key = tuple(names)
        if key not in self._positions:
            position_of_name = _numbers(key)
            self._positions[key] = np.array([position_of_name.get(name, -1) for name in self.items], np.int64)
        return self._positions[key]

    def positions_by_step(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Return by step the position, among these names, of the item that its note is about, or -1."""
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
        """Return by item (electrical/b17) the position of its part (electrical) among these names, or -1."""
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
        """Return the number of a kind of notes by its name."""
        return _numbers(self.kinds)

    @cached_property
    def number_of_factor(self) -> dict[str, int]:
        """Return the number of a common factor by its name."""
        return _numbers(self.plan.inputs.factors)

    @cached_property
    def number_of_item(self) -> dict[str, int]:
        """Return the number of an item by its name."""
        return _numbers(self.items)

    @cached_property
    def counts(self) -> Ints:
        """Return the amount by bundle and pool, shape (bundles, pools)."""
        counts = np.zeros((len(self.plan.bundles), len(self.plan.pools)), np.int64)
        for number, bundle in enumerate(self.plan.bundles):
            for pool, count in bundle:
                counts[number, pool] = count
        return counts

    @cached_property
    def part_of_item(self) -> NDArray[np.str_]:
        """Return the part by item: electrical for electrical/b17."""
        part = {note.item: note.part for note in self.plan.notes}
        return np.array([part[item] for item in self.items], np.str_)

    @cached_property
    def place_of_item(self) -> tuple[str, ...]:
        """Return the place by item: b17 for electrical/b17; empty where it has none."""
        place = {note.item: note.place for note in self.plan.notes}
        return tuple(place[item] for item in self.items)


def _numbers(names: Sequence[str]) -> dict[str, int]:
    """Return the position of each name by name."""
    return {name: number for number, name in enumerate(names)}


_NO_ROWS = np.zeros((0, 3), np.int64)


@dataclass(frozen=True)
class Record:
    """One run: its log of shape (rows, 3), the content minutes by input, its calendars and common factors by number.

    `plan_index` has the look-up tables of its plan. Common factors are sampled once for all that share them; the unit
    costs of a run are among them, in dollars. `kernels` are the implementation of long passes over the log: in
    numpy, or compiled.
    """

    plan_index: PlanIndex
    log: Ints
    content: Ints
    calendars: Sequence[Calendar]
    factors: Floats = field(default_factory=lambda: np.zeros(0))
    kernels: Kernels = NUMPY

    @classmethod
    def of(
        cls,
        plan_index: PlanIndex,
        log: Ints,
        content: Ints,
        calendars: Sequence[Calendar],
        factors: Floats | None = None,
        kernels: Kernels = NUMPY,
    ) -> Record:
        """Make the record of a run; without `factors` it has no prices."""
        return cls(plan_index, log, content, calendars, np.zeros(0) if factors is None else factors, kernels)

    @cached_property
    def minute(self) -> Ints:
        """Return by log row the minute in which its step was done."""
        # a copy: a column of a table of rows is read with a stride, three times the memory
        return self.log[:, LOG_MINUTE].copy()

    @cached_property
    def step(self) -> Ints:
        """Return by log row the number of its step."""
        return self.log[:, LOG_STEP].copy()

    @cached_property
    def detail(self) -> Ints:
        """Return the third column of the log: by operation the minute begun, the amount, or whether a jump was taken."""
        return self.log[:, LOG_DETAIL].copy()

    @property
    def begun(self) -> Ints:
        """Return by log row the minute in which its step began; valid for holds, works, waits and dates only."""
        return self.detail

    @property
    def amount(self) -> Ints:
        """Return by log row its amount; valid for signals and notes only."""
        return self.detail

    @property
    def jumped(self) -> Ints:
        """Return by log row 1 where the jump was taken, else 0; valid for jumps (again) only."""
        return self.detail

    @property
    def end(self) -> int:
        """Return the minute of the last log row; 0 where nothing was done."""
        return int(self.log[-1, 0]) if len(self.log) else 0

    @cached_property
    def operation(self) -> NDArray[np.uint8]:
        """Return by log row the operation of its step; only explanations and checks need it."""
        return self.plan_index.operation[self.step]

    @property
    def when(self) -> Ints:
        """Return by step the minute in which it was done for the last time, or -1."""
        return self.scan.done_minute

    @property
    def works(self) -> Ints:
        """Return the log rows of work by people, shape (rows, 3), calendar by calendar."""
        return self.scan.grouped_rows[: self.scan.group_ends[self.plan_index.first_note_group - 1]]

    def works_by_calendar(self) -> Iterator[tuple[int, Ints]]:
        """Yield (number of a calendar, its log rows of work by people) for every calendar on which people work."""
        for group, calendar in enumerate(self.plan_index.staffed_calendars, FIRST_WORK_GROUP):
            yield calendar, self._rows_of_group(group)

    @cached_property
    def scan(self) -> Scan:
        """Return the result of one pass over the log: minutes by step, rows by group, completion."""
        return self.kernels.scan_log(self.log, self.plan_index.step_groups)

    def _rows_of_group(self, group: int) -> Ints:
        """Return the log rows of one group of steps, in the order of the log."""
        return self.scan.grouped_rows[self.scan.group_ends[group - 1] : self.scan.group_ends[group]]

    def noted(self, kind: str) -> Notes:
        """Return the notes of one kind."""
        rows = self.noted_rows(kind)
        return Notes(rows[:, 0], self.plan_index.items_of(rows[:, 1]), rows[:, 2])

    def noted_rows(self, kind: str) -> Ints:
        """Return the rows of the notes of one kind, shape (rows, 3): minute, step, amount."""
        number = self.plan_index.number_of_kind.get(kind)
        return _NO_ROWS if number is None else self._rows_of_group(self.plan_index.first_note_group + number)


def running_total(day: Ints, amount: Floats, days: int) -> Floats:
    """Return by day the sum of the amounts up to its end, shape (days,); `day` is by amount, and may be a later one.

    >>> running_total(np.array([0, 2, 9]), np.array([1.0, 2.0, 4.0]), 4)
    array([1., 1., 3., 3.])
    """
    # a running sum is slow, as each sum waits for the one before: after the last amount the days are filled instead
    changing = np.cumsum(np.bincount(day, amount, 1)[:days])
    by_day = np.empty(days)
    by_day[: len(changing)], by_day[len(changing) :] = changing, changing[-1]
    return by_day
