"""Rule 11: one row per performed step, and nothing in it that the plan says already."""

from __future__ import annotations

from sim.plan.vocabulary import Again, Free, Hold, Label, Note, Signal, Wait
from tests.engine.small_plans import at, told, work, write


def test_a_row_is_the_minute_done_the_step_and_what_only_the_run_knows() -> None:
    plan = write(
        {
            "b10": [Hold({"rig": 1}), work(3), Free({"rig": 1}), Signal("g", 2)],
            "b2": [
                at(1),
                Hold({"rig": 1, "crane": 2}),
                Free({"crane": 2, "rig": 1}),
                Label("here"),
                Wait("g", 2),
                Again("here", limit=1),
                Note("paid", "crane", 70),
            ],
        },
        {"crane": 2, "rig": 1},
        finish=("end", 1),
    )
    plan.gate("end")
    outcome = told(plan)
    # b2 comes before b10: its steps are 0 to 5, those of b10 6 to 9. A label is no step.
    assert outcome.compiled.units == ("b2", "b10")
    assert outcome.compiled.bundles == (((0, 2), (1, 1)), ((1, 1),))
    assert outcome.log == [
        (0, 6, 0),  # hold: asked at 0
        (1, 0, 0),  # until: waited since 0
        (3, 1, 1),  # hold: asked at 1
        (3, 2, 0),  # free: bundle 0
        (3, 3, 3),  # wait: the gate was open by then
        (3, 4, 1),  # again: jumped
        (3, 3, 3),
        (3, 4, 0),  # again: fell through
        (3, 5, 70),  # note: the amount
        (3, 7, 0),  # work: begun at 0
        (3, 8, 1),  # free: bundle 1
        (3, 9, 2),  # signal: the amount
    ]


def test_what_was_not_performed_is_not_logged() -> None:
    plan = write({"a": [Hold({"rig": 2}), work(5)], "b": [work(3), Wait("g")]}, {"rig": 1})
    plan.gate("g")
    outcome = told(plan)
    assert outcome.rows == [(3, "b", "work since 0")]
    assert outcome.deadlock.minute == 3


def test_a_plan_in_which_nothing_can_happen_has_an_empty_log() -> None:
    outcome = told(write({"a": [Hold({"rig": 1})]}, {"rig": 0}))
    assert outcome.outcome.log.shape == (0, 3)
    assert (outcome.deadlock.minute, len(outcome.deadlock.waiting)) == (0, 1)
