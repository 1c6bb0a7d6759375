"""What closed days cost a piece of work: how much earlier it would have been done on the stated calendar."""

from __future__ import annotations

from sim.metrics.record import Record
from sim.plan.compile import MODES, WORK

PAUSING, WHOLE = MODES["pausing"], MODES["whole"]


def lost_to_weather(record: Record, row: int) -> int:
    """Return the minutes that a row of work was done later than on the stated calendar, begun at the same minute.

    What closes a calendar besides nights, Sundays and holidays is weather, or a site or plant at a standstill.
    """
    plan, step = record.index.plan, int(record.step[row])
    operation, _, number, mode = plan.rows[step, :4].tolist()
    if operation != WORK or record.calendars[number] is plan.base_calendars[number]:
        return 0
    stated, real = plan.base_calendars[number], record.calendars[number]
    begun, done = int(record.x[row]), int(record.minute[row])
    if mode == PAUSING:
        return max(0, done - stated.finish(begun, real.worked(done) - real.worked(begun)))
    if mode == WHOLE:
        opened = int(real.starts[real.starts < done][-1])
        return max(0, done - stated.finish_whole(begun, done - max(begun, opened)))
    open_in_vain = stated.worked(done) - stated.worked(begun) - (real.worked(done) - real.worked(begun))
    return max(0, min(done - begun, open_in_vain))
