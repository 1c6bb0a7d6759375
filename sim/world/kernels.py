"""Compiled kernels of weather and calendars, for one replication, and of stratified draws: arrays in, arrays out.

They replace the loops over hours and days in `sim.world.weather.generator`, `climate` and `closures`, those of
`sim.world.working_time.subtract_closures`, and, with `draw_streams`, the one over streams in `sim.world.streams`; they give
the same bits. In the order in which a replication
calls them: `draw_uniforms` draws the weather's random numbers in whole blocks of four, with counter (block, 0,
replication, 0); `choose_days` picks wet days and starts of storm seasons; `find_closures` finds when wind, frost and
rain close each exposure; `subtract_intervals` takes that out of a calendar.

What needs a quantile, a logarithm or a power is computed by numpy and scipy between the calls: their last bits differ
from those of other libraries. Intervals are two numbers each, start and end, in lists that lie end to end in one array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.jit import toolkit
from sim.jit.toolkit import entry_point, float_view, int_view, jit

# --- closures ---------------------------------------------------------------------------------------------------------


Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAY, HOUR = 1440, 60
KNOTS, HOURS = 8, 24
"""Of a day: knots of the wind, three hours apart, and hours."""
DOUBLINGS = 5
AUTOCORRELATION = DOUBLINGS + 1
"""Figures of an autocorrelation: the weight of each doubling, and the divisor that brings the sum back to variance 1."""
OWN_SHARE, DAY_SHARE, INTERPOLATION = 3 * AUTOCORRELATION, 3 * AUTOCORRELATION + 1, 3 * AUTOCORRELATION + 2
"""Figures of a climate: three autocorrelations, shares of hours and day in the wind, two weights of each hour in a gap."""
SHAPE, LOST_DAY_MM, MUD_MM, SHUT_MM, RAIN_HOURS = range(INTERPOLATION + 6, INTERPOLATION + 11)
"""Then the divisor that brings depths of rain to their mean, three limits, and by month hours and mm of rain."""
RAIN_MM = RAIN_HOURS + 12
CRANE, EXTERIOR, FROST = range(RAIN_MM + 12, RAIN_MM + 12 + 3 * 12 * HOURS, 12 * HOURS)
"""Then, by month and hour, the scores beyond which an hour is closed, and by month the highest score with frost."""
WARMEST = FROST + 12 * HOURS
WARM_UP_DAYS, MUD_MINUTES, DRYING, SERIES = range(4)
"""Numbers: days before the project, minutes that mud stays, minutes that a roof takes to dry; for wind, wind of the day and
temperature where their scores begin, and how many there are."""
RAINS, GROUND, ROOF, SHUT, BY_CRANE, BY_EXTERIOR, BY_FROST, OUTDOORS, EVERYONE, LISTS = range(10)
"""Lists of intervals, each by rising starts; the last two, of storm seasons, are given."""
CLOSED_BY, JOINED = SERIES + 6, 4
"""More numbers: for each of `EXPOSURES` the lists that close it together."""
EXPOSURES = 4
BEGINS = CLOSED_BY + EXPOSURES * JOINED
"""More numbers: where each list begins, and behind them where the joined intervals begin."""
FAR = 2**62

_ints: Any = int_view
_floats: Any = float_view


@entry_point
def find_closures(
    month_: Ints, figures_: Floats, numbers_: Ints, scores_: Floats, wet_: Ints, hour_: Floats, sizes_: Floats,
    powers_: Floats, rows_: Ints, ends_: Ints,
) -> None:  # fmt: skip
    """Find the intervals that wind, frost and rain close, and join those that close an exposure, all written to `rows`.

    `month` is that of every day, those before the project too. `scores` are independent normal numbers, overwritten here.
    `wet` are days with rain, `hour` draws when it begins, `sizes` (to a power: `powers`) its length and depth. The lists of
    intervals, and then the joined ones of each exposure, end at the positions in `ends`.
    """
    figures, numbers, scores, rows, ends = (
        _floats(figures_),
        _ints(numbers_),
        _floats(scores_),
        _ints(rows_),
        _ints(ends_),
    )
    month = _ints(month_)
    _rain(
        month, figures, numbers, len(wet_), _ints(wet_), _floats(hour_), _floats(sizes_), _floats(powers_), rows, ends
    )
    days = len(month_) - numbers[WARM_UP_DAYS]
    for series in range(3):
        begin, count = numbers[SERIES + 2 * series], numbers[SERIES + 2 * series + 1]
        _autocorrelate(scores, begin, count, figures, series * AUTOCORRELATION)
    _too_windy(month, days, figures, numbers, scores, rows, ends)
    _frost(month, days, figures, numbers, scores, rows, ends)
    begin = numbers[BEGINS + LISTS]
    for exposure in range(EXPOSURES):
        begin = _join(rows, numbers, ends, CLOSED_BY + JOINED * exposure, days * DAY, begin)
        ends[LISTS + exposure] = begin


@jit
def _autocorrelate(noise: Any, begin: int, count: int, figures: Any, weights: int) -> None:
    """Make `count` independent numbers from position `begin` on autocorrelated, in place; there are fewer afterwards."""
    shift, remaining = 1, count
    for doubling in range(DOUBLINGS):
        # each doubling adds the series to itself, shifted by twice as much: few passes, a long memory
        remaining -= shift
        weight = figures[weights + doubling]
        for position in range(begin, begin + remaining):
            noise[position] = noise[position + shift] + weight * noise[position]
        shift *= 2
    for position in range(begin, begin + remaining):
        # divided, not multiplied by the inverse: numpy divides, and the last bit must agree
        noise[position] /= figures[weights + DOUBLINGS]


@jit
def _too_windy(month: Any, days: int, figures: Any, numbers: Any, scores: Any, rows: Any, ends: Any) -> None:
    """Write the intervals with too much wind for cranes, and for exterior work, into their lists."""
    wind, whole_day = numbers[SERIES], numbers[SERIES + 2]
    # written side by side into two lists whose begins are known: one pass over the wind for both limits
    crane, exterior = ends[BY_CRANE], ends[BY_EXTERIOR]
    next_knot = scores[wind] * figures[OWN_SHARE]
    for day in range(days):
        score_of_day, hours = scores[whole_day + day] * figures[DAY_SHARE], HOURS * month[day + numbers[WARM_UP_DAYS]]
        for knot in range(KNOTS):
            # knots three hours apart; the last of a day is the first of the next, so each is read once
            knot_score, next_knot = next_knot, scores[wind + KNOTS * day + knot + 1] * figures[OWN_SHARE]
            for hour in range(3):
                weights = INTERPOLATION + 2 * hour
                score = knot_score * figures[weights] + next_knot * figures[weights + 1] + score_of_day
                month_hour, minute = hours + 3 * knot + hour, day * DAY + (3 * knot + hour) * HOUR
                crane = _toggle(rows, ends[BY_CRANE], crane, score > figures[CRANE + month_hour], minute)
                exterior = _toggle(rows, ends[BY_EXTERIOR], exterior, score > figures[EXTERIOR + month_hour], minute)
    # what is still open at the horizon ends there
    ends[BY_CRANE] = _toggle(rows, ends[BY_CRANE], crane, False, days * DAY)
    ends[BY_EXTERIOR] = _toggle(rows, ends[BY_EXTERIOR], exterior, False, days * DAY)


@jit
def _frost(month: Any, days: int, figures: Any, numbers: Any, scores: Any, rows: Any, ends: Any) -> None:
    """Write the intervals with frost into their list; on most days there is none."""
    first = position = ends[BY_FROST]
    for day in range(days):
        score, month_of_day = scores[numbers[SERIES + 4] + day], month[day + numbers[WARM_UP_DAYS]]
        # one comparison a day instead of 24: above the warmest limit of its month no hour can freeze
        if score < figures[WARMEST + month_of_day]:
            for hour in range(HOURS):
                is_frost = score < figures[FROST + HOURS * month_of_day + hour]
                position = _toggle(rows, first, position, is_frost, day * DAY + hour * HOUR)
        else:
            position = _toggle(rows, first, position, False, day * DAY)
    ends[BY_FROST] = _toggle(rows, first, position, False, days * DAY)


@jit
def _toggle(rows: Any, first: int, position: int, is_closed: bool, minute: int) -> int:
    """Begin or end an interval of a list at a minute if `is_closed` changes then; return where the list ends."""
    # an odd count of minutes means that an interval is open: the list itself remembers the state
    if is_closed != ((position - first) & 1 == 1):
        rows[position] = minute
        position += 1
    return position


@jit
def _rain(
    month: Any,
    figures: Any,
    numbers: Any,
    count: int,
    wet_days: Any,
    hour: Any,
    sizes: Any,
    powers: Any,
    rows: Any,
    ends: Any,
) -> None:
    """Write the rain of wet days, and the intervals in which it closes ground, roofs and the whole site, into their lists."""
    for row in range(count):
        month_of_day = month[wet_days[row]]
        depth = figures[RAIN_MM + month_of_day] * powers[row] / figures[SHAPE]
        # rint as in numpy; rain longer than a day would reach into days with rain of their own
        minutes = int(min(np.rint(figures[RAIN_HOURS + month_of_day] * 60 * sizes[row]), DAY))
        start = (wet_days[row] - numbers[WARM_UP_DAYS]) * DAY + int(np.floor(hour[2 * row] * (DAY - minutes)))
        # the ground may be lost for the rest of the day, and longer where it turns to mud; a roof dries by the clock
        end = ground_end = start + minutes
        if depth >= figures[LOST_DAY_MM]:
            ground_end = start + DAY
        if depth >= figures[MUD_MM]:
            ground_end = start + DAY + numbers[MUD_MINUTES]
        closed_until = (end, ground_end, end + numbers[DRYING], start + DAY)
        # SHUT is the last of the four lists, and the only one that rain has to be heavy for
        for exposure_list in range(RAINS, SHUT + 1 if depth >= figures[SHUT_MM] else SHUT):
            rows[ends[exposure_list]], rows[ends[exposure_list] + 1] = start, closed_until[exposure_list]
            ends[exposure_list] += 2


@jit
def _join(rows: Any, numbers: Any, ends: Any, lists_at: int, horizon: int, write_at: int) -> int:
    """Join four lists of intervals, clipped to [0, horizon), and write them from `write_at` on; return where they end."""
    # four heads in local variables: a heap of lists costs more than the comparisons it saves
    a, b, c, d = numbers[lists_at], numbers[lists_at + 1], numbers[lists_at + 2], numbers[lists_at + 3]
    end_a, end_b, end_c, end_d = ends[a], ends[b], ends[c], ends[d]
    a, b, c, d = numbers[BEGINS + a], numbers[BEGINS + b], numbers[BEGINS + c], numbers[BEGINS + d]
    start, joined_end = 0, 0
    while True:
        start_a, start_b = _start(rows, a, end_a), _start(rows, b, end_b)
        start_c, start_d = _start(rows, c, end_c), _start(rows, d, end_d)
        earliest = min(start_a, start_b, start_c, start_d)
        # a gap: what is joined so far is complete. Intervals that touch are one
        if earliest > joined_end:
            if joined_end > start:
                rows[write_at], rows[write_at + 1] = start, joined_end
                write_at += 2
            # also the end of all lists, as an exhausted one starts far away
            if earliest >= horizon:
                return write_at
            start = joined_end = earliest
        if start_a == earliest:
            joined_end, a = max(joined_end, min(rows[a + 1], horizon)), a + 2
        elif start_b == earliest:
            joined_end, b = max(joined_end, min(rows[b + 1], horizon)), b + 2
        elif start_c == earliest:
            joined_end, c = max(joined_end, min(rows[c + 1], horizon)), c + 2
        else:
            joined_end, d = max(joined_end, min(rows[d + 1], horizon)), d + 2


@jit
def _start(rows: Any, head: int, end: int) -> int:
    """Return the start of the interval at the head of a list; a minute far away where the list is exhausted."""
    return rows[head] if head < end else FAR


# --- draws ------------------------------------------------------------------------------------------------------------


Words = NDArray[np.uint64]
WET, DRY, STORM, CHANCES = range(4)
"""Of a month: the uniform below which a day is wet, from which it is dry, below which a storm season begins."""
ZERO = np.uint64(0)


@entry_point
def draw_uniforms(keys: Words, replication: int, blocks: Ints, uniforms: Floats) -> None:
    """Draw series after series into `uniforms`; `keys` has two words of each, `blocks` its first block and their count."""
    out, position = _floats(uniforms), 0
    for series in range(len(blocks) // 2):
        first = blocks[2 * series]
        for block in range(first, first + blocks[2 * series + 1]):
            words = toolkit.block(
                keys[2 * series], keys[2 * series + 1], np.uint64(block), ZERO, np.uint64(replication)
            )
            # all four words of a block: another draw costs nothing once the block is computed
            out[position], out[position + 1] = toolkit.to_unit(words[0]), toolkit.to_unit(words[1])
            out[position + 2], out[position + 3] = toolkit.to_unit(words[2]), toolkit.to_unit(words[3])
            position += 4


@entry_point
def draw_streams(keys: Words, first: int, count: int, attempt: np.uint64, uniforms: Floats) -> None:
    """Draw `count` replications of stream after stream into `uniforms`: one draw each, as `sim.world.streams.uniforms`."""
    out, position = _floats(uniforms), 0
    for stream in range(len(keys) // 2):
        for replication in range(first, first + count):
            words = toolkit.block(keys[2 * stream], keys[2 * stream + 1], np.uint64(replication), attempt, ZERO)
            out[position] = toolkit.to_unit(words[0])
            position += 1


@entry_point
def choose_days(
    month_: Ints, chances_: Floats, rain_: Floats, storms_: Floats, days_: Ints, uniforms_: Floats
) -> tuple[int, int]:
    """Write the wet days, then those on which a storm season begins, to `days`; return their counts, wet and in all.

    `rain` has four uniforms a day, `storms` two. For each wet day the uniforms of its length and its hour are written to
    `uniforms`, for a season that of its length and 0.
    """
    month, chances, rain, storms = _ints(month_), _floats(chances_), _floats(rain_), _floats(storms_)
    days, uniforms = _ints(days_), _floats(uniforms_)
    # a Markov chain of two states with one uniform a day: below p01 it is wet and from 1 - p10 on dry whatever
    # was before, between the two it stays as it was
    is_wet, wet_days = False, 0
    for day in range(len(month_)):
        chances_of_month, u = CHANCES * month[day], rain[4 * day]
        if u < chances[chances_of_month + WET]:
            is_wet = True
        elif u >= chances[chances_of_month + DRY]:
            is_wet = False
        if is_wet:
            days[wet_days], uniforms[2 * wet_days], uniforms[2 * wet_days + 1] = (
                day,
                rain[4 * day + 1],
                rain[4 * day + 2],
            )
            wet_days += 1
    # in the same lists, behind the wet days: one array less to fill and to pass
    days_in_all = wet_days
    for day in range(len(month_)):
        if storms[2 * day] < chances[CHANCES * month[day] + STORM]:
            days[days_in_all], uniforms[2 * days_in_all], uniforms[2 * days_in_all + 1] = day, storms[2 * day + 1], 0.0
            days_in_all += 1
    return wet_days, days_in_all


# --- calendar minus closures ------------------------------------------------------------------------------------------


UNORDERED = -1


@entry_point
def subtract_intervals(starts_: Ints, ends_: Ints, closed_: Ints, left_: Ints) -> tuple[int, int]:
    """Subtract closed rows (start, end) from intervals; return how many intervals remain, and the longest.

    Their starts, ends and open minutes until each end are written to the three rows of `left`, each as long as both inputs
    together. Closed rows may overlap; if they are not by rising starts, nothing is done and `UNORDERED` returned.
    """
    starts, ends, closed, remaining, width = _ints(starts_), _ints(ends_), _ints(closed_), _ints(left_), left_.shape[1]
    count, open_minutes, longest_minutes, row, closed_size = 0, 0, 0, 0, 2 * len(closed_)
    for row_at in range(2, closed_size, 2):
        # one pass over both needs them by start; sorting is left to numpy, as it is seldom needed
        if closed[row_at] < closed[row_at - 2]:
            return UNORDERED, 0
    for position in range(len(starts_)):
        now, end = starts[position], ends[position]
        while row < closed_size and closed[row] < end:
            # empty closures close nothing, but would cut an interval in two
            if closed[row + 1] > closed[row]:
                if closed[row] > now:
                    open_minutes += closed[row] - now
                    longest_minutes = max(longest_minutes, closed[row] - now)
                    count = _append(remaining, width, count, now, closed[row], open_minutes)
                now = max(now, closed[row + 1])
            # it reaches into the next interval: the same row is looked at again there
            if closed[row + 1] > end:
                break
            row += 2
        if now < end:
            open_minutes += end - now
            longest_minutes = max(longest_minutes, end - now)
            count = _append(remaining, width, count, now, end, open_minutes)
    return count, longest_minutes


@jit
def _append(remaining: Any, width: int, count: int, start: int, end: int, done: int) -> int:
    """Append an interval, with the open minutes until its end, to `remaining`; return how many there are."""
    remaining[count], remaining[width + count], remaining[2 * width + count] = start, end, done
    return count + 1
