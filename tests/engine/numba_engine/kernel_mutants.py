"""Small mistakes that one could make in the kernel, one each; the equality of engines must see every one."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A mistake: in which file of the kernel, what stands there, and what would stand there instead."""

    mistake: str
    file: str
    right: str
    wrong: str


MUTANTS = (
    # --- a minute ---------------------------------------------------------------------------------------------
    Mutant(
        "works begin before the last grants",
        "kernel.py",
        "        if run[GRANT_DUE] != 0:\n            grant(plan, run, now)\n            continue\n"
        "        start_works(plan, run, draws, parameters, calendars, now)\n",
        "        start_works(plan, run, draws, parameters, calendars, now)\n"
        "        if run[GRANT_DUE] != 0:\n            grant(plan, run, now)\n            continue\n",
    ),
    Mutant(
        "the end does not wait for its minute",
        "kernel.py",
        "while run[FAULT] == NO_FAULT:",
        "while run[FAULT] == NO_FAULT and run[FINISHED] == 0:",
    ),
    Mutant("what ends at once waits for the next minute", "kernel.py", "if not is_due(run, now):", "if True:"),
    Mutant(
        "who moves inward comes a minute late",
        "event_queue.py",
        "insert(run, unit, run[state + DUE_AT])",
        "insert(run, unit, run[state + DUE_AT] + 1)",
    ),
    Mutant(
        "works begin in another order than by rank",
        "kernel.py",
        "unit = pop(run, run[STARTING], run[STARTING_SIZE])",
        "unit = run[run[STARTING] + run[STARTING_SIZE] - 1]",
    ),
    # --- grants -----------------------------------------------------------------------------------------------
    Mutant(
        "the last to ask goes first",
        "resources.py",
        "now << plan[RANK_BITS] | unit",
        "(1_000_000 - now) << plan[RANK_BITS] | unit",
    ),
    Mutant(
        "priorities are forgotten",
        "memory_layout.py",
        "np.searchsorted(priorities, np.where(plan.operation_of == HOLD, plan.rows[:, Column.PRIORITY], 0))",
        "np.searchsorted(priorities, plan.rows[:, Column.PRIORITY]) * 0",
    ),
    Mutant(
        "a request that does not fit stops all behind it",
        "resources.py",
        "            continue\n        prefetch_step",
        "            break\n        prefetch_step",
    ),
    Mutant(
        "one grant a kind and pass",
        "resources.py",
        "if run[run[QUEUE_SIZE] + bundle] > 0 and fits(plan, run, bundle):",
        "if False:",
    ),
    Mutant(
        "half a bundle is enough",
        "resources.py",
        "left = run[free + pool] - plan[bundles + 2 * entry + 1]",
        "left = run[free + pool] - (plan[bundles + 2 * entry + 1] >> 1)",
    ),
    Mutant(
        "only the first pool of a bundle is taken",
        "resources.py",
        "run[run[FREE_COUNT] + pool] -= plan[plan[BUNDLES] + 2 * entry + 1]",
        "run[run[FREE_COUNT] + pool] -= 1",
    ),
    Mutant(
        "what is freed is not looked at",
        "resources.py",
        "        if run[WAITING] > 0:\n            mark_bundles_of_pool",
        "        if run[WAITING] > 1:\n            mark_bundles_of_pool",
    ),
    # --- patience ---------------------------------------------------------------------------------------------
    Mutant("everybody is patient for ever", "resources.py", "now + patience if patience >= 0 else NEVER", "NEVER"),
    Mutant(
        "patience ends a minute late",
        "resources.py",
        "unit_of(plan, request)) + WITHHOLDS] <= now",
        "unit_of(plan, request)) + WITHHOLDS] < now",
    ),
    Mutant("zero patience is endless", "resources.py", "if patience >= 0 else NEVER", "if patience > 0 else NEVER"),
    Mutant(
        "heads withhold from those before them",
        "resources.py",
        "if first < request and withholds",
        "if first != request and withholds",
    ),
    Mutant(
        "only one is withheld, not the count",
        "resources.py",
        "count += plan[bundles_of_pool + 2 * entry + 1]",
        "count += 1",
    ),
    Mutant(
        "a new head frees nothing for others",
        "resources.py",
        "if queue_size > 0 and withholds(plan, run, old_head, now):",
        "if False:",
    ),
    # --- net levels -------------------------------------------------------------------------------------------
    Mutant(
        "a crew leaves a minute early",
        "net_levels.py",
        "    return since + minutes\n",
        "    return since + minutes - 1\n",
    ),
    Mutant(
        "time before one began to look counts",
        "kernel.py",
        "check_net_level_at(plan, run, unit, step, max(date, now) + net_level_minutes(plan, step))",
        "check_net_level_at(plan, run, unit, step, max(date, now) + 1)",
    ),
    Mutant(
        "what was spare before counts after work as well",
        "net_levels.py",
        "plan[set_at + THRESHOLDS_AT] + threshold - lowest] = last_change",
        "plan[set_at + THRESHOLDS_AT] + threshold - lowest] = 0",
    ),
    Mutant(
        "who is called back looks at the other side",
        "net_levels.py",
        "if is_below != plan[condition_at + BELOW]:",
        "if is_below != 0:",
    ),
    Mutant(
        "the net level of this minute counts before it is over",
        "net_levels.py",
        "    if last_change == now:\n        return\n",
        "",
    ),
    Mutant(
        "only one level is followed",
        "net_levels.py",
        "min(max(value_before, value), plan[set_at + HIGHEST]) + 1):",
        "min(max(value_before, value), plan[set_at + HIGHEST], first_crossed) + 1):",
    ),
    Mutant(
        "who leaves counts when he asks",
        "resources.py",
        "counted == 0 and request < plan[FIRST_LEAVING_REQUEST]:",
        "counted == 0:",
    ),
    Mutant(
        "who has left still counts",
        "resources.py",
        "if plan[NET_LEVELS] > 0 and request >= plan[FIRST_LEAVING_REQUEST]:",
        "if False:",
    ),
    Mutant(
        "what is given back does not change the net level",
        "resources.py",
        "        change_net_levels(plan, run, bundle, 1, now)\n",
        "        change_net_levels(plan, run, bundle, 0, now)\n",
    ),
    Mutant(
        "somebody looks for ever",
        "net_levels.py",
        "+ WATCHED_UNTIL]:\n        schedule",
        "+ WATCHED_UNTIL] or True:\n        schedule",
    ),
    Mutant(
        "a net level is waited for from the beginning, not from the date",
        "kernel.py",
        "max(date, now) + net_level_minutes(plan, step))",
        "now + net_level_minutes(plan, step))",
    ),
    # --- gates ------------------------------------------------------------------------------------------------
    Mutant("a gate opens one too late", "resources.py", ">> bits <= run[level]", ">> bits < run[level]"),
    Mutant(
        "only one comes through at a time",
        "resources.py",
        "    while run[waiters] > 0 and",
        "    if run[waiters] > 0 and",
    ),
    Mutant(
        "a jump sees this minute's level",
        "resources.py",
        "return run[run[LEVEL_BEFORE] + gate] if",
        "return run[run[LEVEL] + gate] if",
    ),
    Mutant(
        "the level before is that of the last signal",
        "resources.py",
        "if run[run[SIGNAL_MINUTE] + gate] != now:",
        "if True:",
    ),
    # --- jumps ------------------------------------------------------------------------------------------------
    Mutant("a limit counts one more", "kernel.py", "if 0 <= limit <= attempt:", "if 0 <= limit < attempt:"),
    Mutant(
        "attempts are not counted at jumps",
        "kernel.py",
        "attempt = count_attempt(run, gate_and_slot & LOWER)",
        "attempt = count_attempt(run, 0)",
    ),
    Mutant(
        "only what is repeated twice over is counted",
        "memory_layout.py",
        "repeatable = np.cumsum(change)[:-1] > 0",
        "repeatable = np.cumsum(change)[:-1] > 1",
    ),
    Mutant("a jump is no part of what it repeats", "memory_layout.py", "change, back + 1, -1)", "change, back, -1)"),
    Mutant(
        "repeated chances fall as the first",
        "kernel.py",
        "return input_value(run, draws, parameters, argument(plan, step), attempt)",
        "return input_value(run, draws, parameters, argument(plan, step), FIRST_ATTEMPT)",
    ),
    # --- work -------------------------------------------------------------------------------------------------
    Mutant(
        "repeated work takes as long as the first",
        "kernel.py",
        "minutes = remaining if remaining >= 0 else input_value(run, draws, parameters, argument(plan, step), attempt)",
        "minutes = remaining if remaining >= 0 else input_value(run, draws, parameters, argument(plan, step), attempt * 0)",
    ),
    Mutant("repeated work learns too", "kernel.py", "if learning >= 0 and attempt == 0:", "if learning >= 0:"),
    Mutant(
        "crowding is read before entering",
        "kernel.py",
        "minutes = scaled(plan, minutes, area, run[run[COUNTERS] + area])",
        "minutes = scaled(plan, minutes, area, run[run[COUNTERS] + area] - plan[record_at + PEOPLE])",
    ),
    Mutant("nobody leaves an area", "kernel.py", "-= plan[record_at + PEOPLE]", "-= 0"),
    Mutant(
        "factors round down",
        "kernel.py",
        "(2 * minutes * plan[plan[CURVES] + entry] + MILLION)",
        "(2 * minutes * plan[plan[CURVES] + entry])",
    ),
    Mutant("beyond a curve there is none", "kernel.py", "plan[curve_at + 1] - 1)", "plan[curve_at + 1])"),
    # --- calendars --------------------------------------------------------------------------------------------
    Mutant(
        "work ends at the next opening",
        "calendars.py",
        "intervals, worked_minutes_at_end - 1)",
        "intervals, worked_minutes_at_end)",
    ),
    Mutant(
        "nights count as worked",
        "calendars.py",
        "- max(calendars[ends + interval] - now, 0)",
        "- (calendars[ends + interval] - now)",
    ),
    Mutant("whole work may pause", "kernel.py", "return finish_whole(run,", "return finish(run,"),
    Mutant(
        "whole work needs a minute more",
        "calendars.py",
        "if end <= calendars[calendars[header + ENDS] + interval]:",
        "if end < calendars[calendars[header + ENDS] + interval]:",
    ),
    Mutant("drivers need no break", "calendars.py", "driven + leg, unbroken + leg", "driven + leg, unbroken"),
    Mutant("half a rest is enough", "calendars.py", "if now - stopped >= REST:", "if now - stopped >= REST // 2:"),
    # --- draws ------------------------------------------------------------------------------------------------
    Mutant(
        "draws do not depend on the replication",
        "sampling.py",
        "np.uint64(replication), np.uint64(attempt)",
        "np.uint64(0), np.uint64(attempt)",
    ),
    Mutant(
        "half a product is another one's",
        "../../jit/toolkit.py",
        "builder.lshr(product, wide(64))",
        "builder.lshr(product, wide(63))",
    ),
    Mutant("nine rounds instead of ten", "../../jit/toolkit.py", "range(10)", "range(9)"),
    Mutant("the upper half of tables is not used", "sampling.py", "        start += SIDE\n", ""),
    Mutant(
        "losses before content",
        "sampling.py",
        "recipe_at + CONTENT_FACTORS, recipe_at + draws[LOSSES], amount)",
        "recipe_at + CONTENT_FACTORS, recipe_at + draws[DELAYS], amount)",
    ),
    Mutant(
        "delays are forgotten",
        "sampling.py",
        "amount += parameters[draws[DELAY_MINUTES] + draws[position]]",
        "amount += 0.0",
    ),
    Mutant(
        "chances the other way round",
        "sampling.py",
        "return 1 if u < probability else 0",
        "return 1 if u > probability else 0",
    ),
    Mutant(
        "values round down", "sampling.py", "        return floor(amount + 0.5)\n", "        return floor(amount)\n"
    ),
)
