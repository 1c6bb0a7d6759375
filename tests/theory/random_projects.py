"""Projects nobody would think of, from one number each: the tiny project with anything switched on."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

from sim.config.load import checked, load_as
from sim.config.project import Project
from tests.tiny_project import TINY

Tree = dict[str, Any]
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DRIVERS: tuple[Tree, ...] = (
    {"id": "slow-labour", "on": ["trade:electricians"], "inherent": {"probability": 0.5, "factor": 1.4}},
    {"id": "mud", "on": ["exposure:earthwork"], "inherent": {"probability": 0.5, "added_days": 4}},
    {"id": "late-parts", "on": ["item:electrical"], "inherent": {"probability": 0.6, "slip_days": 15}},
    {"id": "bad-tests", "on": ["test:L4"], "inherent": {"probability": 0.5, "factor": 1.5}},
    {"id": "no-crane", "on": ["cranes"], "inherent": {"probability": 0.5, "lost_weeks": 1}, "from_week": 2},
    {"id": "strike", "on": ["crews:electricians"], "inherent": {"probability": 0.5, "lost_weeks": 1}, "from_week": 3},
)


@cache
def _plain() -> Tree:
    return load_as(Project, TINY).tree


def random_project(seed: int) -> Project:
    """Return the project that belongs to a number; it is valid, but may come to a standstill."""
    random, tree = Random(seed), deepcopy(_plain())
    for change in (
        _size,
        _calendars,
        _systems,
        _logistics,
        _labour,
        _commissioning,
        _power,
        _orders,
        _risks,
        _weather,
        _acceleration,
        _more_than_needed,
        _manning,
    ):
        change(random, tree)
    return checked(Project, tree)


def _spread(random: Random, mode: float) -> Tree:
    """An estimate: known, or with a range around it."""
    if random.random() < 0.3:
        return {"value": mode}
    return {"low": round(mode * random.uniform(0.3, 1), 4), "mode": mode, "high": round(mode * random.uniform(1, 3), 4)}


def _size(random: Random, tree: Tree) -> None:
    """Some blocks in some halls, handed over alone or together, in one phase or two."""
    blocks, together = random.randint(1, 3), random.choice([1, 1, 2])
    tree["hall"]["blocks"], tree["turnover_blocks"] = 2, together
    phases = random.choice([1, 1, 2])
    tree["scale"] |= {"capacity_mw": 5.0 * blocks if phases == 1 else 10.0, "phases": phases}
    tree["scale"] |= {"phase_interval_days": random.choice([0, 30]), "horizon_days": 900, "target_days": 200}
    tree["scale"]["preparation_days"] = _spread(random, 10)


def _calendars(random: Random, tree: Tree) -> None:
    """Shifts and free days; now and then round the clock, as in the tiny project."""
    for name in ("site", "factory", "gate"):
        if random.random() < 0.6:
            shift = {"start": "06:00", "end": random.choice(["14:00", "18:00", "20:30"])}
            tree["calendars"][name] |= {"days": WEEK[: random.choice([5, 6, 7])], "shifts": [shift]}


def _systems(random: Random, tree: Tree) -> None:
    """Every system made somewhere, in factories of any size, with any luck."""
    for system in tree["systems"].values():
        system["scope"] = random.choice(["site", "factory"])
        system["skid"] |= {"per_block": random.randint(1, 3), "lift_hours": _spread(random, 3)}
        factory = system["factory"]
        factory |= {"lines": random.randint(1, 3), "finished_places": random.randint(1, 3), "opens_week": 0}
        factory |= {"ramp_weeks": random.choice([0, 2]), "parts_weeks": _spread(random, 2), "staff": 10}
        names = ["s1", "s2", "s3"][: random.randint(1, 3)]
        factory["stations"] = [{"id": name, "days": _spread(random, random.choice([0.5, 1, 2]))} for name in names]
        factory["test"] |= {"bays": random.randint(1, 2), "days": _spread(random, 1), "retests": random.randint(1, 3)}
        factory["test"] |= {"fails": random.choice([0, 0.3, 0.9]), "rework_days": _spread(random, 1)}
        factory["test"]["rework_places"] = random.choice([None, 1, 2])
        factory["work_in_progress"] = random.choice([None, None, 2, 4])
        factory["learning"] = random.choice([None, {"rate": 0.85, "plateau": 8}])
        stops = {"mean_days_between": 6, "days": _spread(random, 1)}
        factory["line_stops"] = random.choice([None, None, stops])
        factory["plant_stops"] = random.choice([None, None, stops])
        defects = {"found": 0.4, "mend_days": 1, "sent_back": 0.5, "rework_days": 1, "reconnect_days": 1}
        factory["site_defects"] = random.choice([None, defects])


def _logistics(random: Random, tree: Tree) -> None:
    """Few of everything between the factories and the cranes; now and then too few."""
    logistics = tree["logistics"]
    logistics |= {"release": random.choice(["push", "pulled", "just_in_time"]), "cranes": random.randint(1, 2)}
    logistics |= {"gates": random.randint(1, 2), "gate_slots_per_day": random.choice([None, None, 8])}
    for name in ("electrical", "mechanical", "compute"):
        # a block's skids must all lie there at once, or nobody can set them: sometimes they cannot
        enough = tree["systems"][name]["skid"]["per_block"]
        few = random.random() < 0.1
        logistics["laydown"][name] = max(1, enough - 1) if few else enough + random.randint(0, 4)
        logistics["fleets"][name] |= {"trucks": random.randint(1, 3), "distance_miles": random.choice([50, 900])}
        logistics["fleets"][name] |= {"delay": _spread(random, 1), "kind": random.choice(["dedicated", "hired"])}
    logistics["late"]["share"] = {"value": random.choice([0, 0.5])}
    logistics["damage"]["minor"] = {"value": random.choice([0, 0.2])}
    logistics["damage"]["serious"] = {"value": random.choice([0, 0.2])}
    logistics["roads"]["enforced"] = random.random() < 0.3


def _labour(random: Random, tree: Tree) -> None:
    """Crews entered or sized by the rule; called by date or by the permits; learning on site."""
    labour = tree["labour"]
    for trade in labour["trades"].values():
        trade["crews"] = random.choice([None, 1, 2, 3])
        trade["hired_per_week"] = random.choice([4, 40])
    labour |= {"losses": _spread(random, 1.2), "content_spread": _spread(random, 1.0)}
    labour["called_by"] = random.choice(["date", "permits"])
    labour["learning"] = random.choice([None, {"rate": 0.9, "plateau": 4}])


def _commissioning(random: Random, tree: Tree) -> None:
    """Tests that fail."""
    for level in ("l2", "l3", "l4", "l5"):
        tree["commissioning"][level] |= {"days": _spread(random, 1), "fails": random.choice([0, 0.2, 0.6])}
    tree["commissioning"]["fix_trade"] = random.choice([None, "electricians"])
    flush = {"trade": "civil", "rigs": random.randint(1, 2), "days": _spread(random, 1), "fails": 0.3, "fix_days": 1}
    tree["commissioning"]["flush"] = random.choice([None, flush])


def _power(random: Random, tree: Tree) -> None:
    """Units with or without a spare one, late, and temporary power."""
    units, phases = tree["energization"]["units"], tree["scale"]["phases"]
    needed = int(tree["scale"]["capacity_mw"] / 5 / phases)
    units |= {"spare": random.choice([0, 1]), "mw": 5, "slip_days": _spread(random, 5)}
    units["count"] = needed + units["spare"]
    tree["energization"]["temporary_mw"] = {"value": random.choice([0, 0, 5])}


def _orders(random: Random, tree: Tree) -> None:
    """One order or two, and items bought at the decision or just in time."""
    tree["procurement"]["policy"] = random.choice(["at_decision", "just_in_time"])
    mw = tree["scale"]["capacity_mw"]
    if mw >= 10 and tree["scale"]["phases"] == 1 and random.random() < 0.4:
        tree["orders"]["given"] = [{"day": 0, "mw": 5.0}, {"day": random.choice([10, 60]), "mw": mw - 5.0}]


def _risks(random: Random, tree: Tree) -> None:
    """Some of the drivers."""
    chosen = [driver for driver in DRIVERS if random.random() < 0.4]
    tree["risks"] = {"drivers": [{**driver, "name": driver["id"]} for driver in deepcopy(chosen)]}


def _weather(random: Random, tree: Tree) -> None:
    """A table of lost days, where projects have weather."""
    if "weather" in Project.model_fields and random.random() < 0.6:
        lost = {"working_days": 26, "earthwork": [6.0] * 12, "exterior": [3.0] * 12, "crane": [5.0] * 12}
        tree["weather"] = {"kind": "table", "lost_days": {**lost, "persistence": 0.5}}


def _acceleration(random: Random, tree: Tree) -> None:
    """A site that reacts to a slip, by overtime, by crews or by both; last, so that all else is as it was before."""
    measures: dict[str, Tree] = {
        "overtime": {"share": 1, "loss": 0.3, "pay": 1.5},
        "crews": {"share": random.choice([0.3, 1])},
    }
    chosen = random.choice([(), ("overtime",), ("crews",), ("overtime", "crews")])
    policy: Tree = {name: {**measures[name], "source": "random"} for name in chosen}
    if policy:
        policy |= {"every_weeks": random.choice([1, 2]), "slip_days": random.choice([1, 7])}
    tree["labour"]["acceleration"] = policy or None


def _more_than_needed(random: Random, tree: Tree) -> None:
    """Power that no block needs, and a step that nothing waits for: they come and are paid for all the same."""
    tree["energization"]["units"]["count"] += random.choice([0, 0, 3])
    if random.random() < 0.3:
        fence = {"id": "fence", "crews": {"earthworks": 1}, "days": random.choice([1, 60])}
        tree["site_works"]["steps"].append({**fence, "after": [tree["site_works"]["steps"][-1]["id"]]})


def _manning(random: Random, tree: Tree) -> None:
    """Halls in sections, entered curves of crews, crews no earlier than needed, standing by, or by a second shift."""
    tree["shell"]["section_sqft"] = random.choice([None, None, 2500])
    tree["labour"]["early_weeks"] = random.choice([None, 0, 2])
    tree["labour"] |= {"idle_leave": random.random() < 0.5, "idle_weeks": random.choice([1, 3])}
    if random.random() < 0.4:
        curve = [random.choice([0, 1, 3]) for _ in range(random.randint(1, 6))]
        tree["labour"]["trades"]["electricians"] |= {"crews": None, "crews_by_month": [*curve, 1]}
    if tree["labour"]["idle_leave"]:
        tree["labour"]["standby"] = random.choice([None, {"share": 0.5, "source": "random"}])
    if tree["labour"]["acceleration"] and random.random() < 0.5:
        tree["labour"]["acceleration"]["shift"] = {"share": 1, "loss": 0.25, "pay": 1.2, "source": "random"}
