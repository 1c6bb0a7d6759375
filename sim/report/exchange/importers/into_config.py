"""A planner's network as part of a whole configuration: another one's text with its steps in place of what was there.

Other parts of a project wait for steps of a network by name: the shell for grading, commissioning for the cooling
plant. Each of these names becomes a milestone after the activity that the user says provides it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from json import dumps
from pathlib import Path

from sim import files
from sim.config.cross_checks import networks
from sim.config.project import Project
from sim.report.exchange.importers.network_import import PlannerNetwork, fragment, identifiers, listed
from sim.report.exchange.importers.source_text import WrongFile

MOST_BYTES = 4_000_000


def awaited(project: Project, network: str) -> list[str]:
    """Return the steps of a network that other parts of a project wait for, in order, without the network's name."""
    found = dict.fromkeys(
        name.partition(".")[2] for name in _references(project, network) if name.startswith(f"{network}.")
    )
    return list(found)


def _references(project: Project, network: str) -> Iterator[str]:
    """Yield every name that something outside a network comes after."""
    for path, steps, _ in networks(project):
        if path[0] != network:
            yield from (link.id for step in steps for link in step.after)
    for system in project.by_system.values():
        yield from system.after
    yield from project.commissioning.after
    yield from project.energization.after
    for feed in project.energization.grid:
        yield from feed.after


def provided(network: PlannerNetwork, names: Iterable[str], given: Mapping[str, str]) -> list[dict[str, object]]:
    """Return a milestone for each awaited name, after the activity that provides it; WrongFile where none is named.

    `given` has activity ids by name. An activity that becomes a step of that name provides it by itself.
    """
    ids = identifiers(network.activities)
    own = set(ids.values())
    by_code = {activity.id: ids[activity.key] for activity in network.activities}
    names = list(names)
    if unknown := [name for name in given if name not in names]:
        told = f"the configuration waits for {', '.join(names) or 'nothing'}"
        raise WrongFile(f"{network.file}: --provides {listed(unknown)}: not waited for; {told}")
    if missing := [name for name in names if name not in given and name not in own]:
        shown = " ".join(f"--provides {name}=ACTIVITY" for name in missing)
        raise WrongFile(
            f"{network.file}: the configuration waits for {', '.join(missing)}; say which activities: {shown}"
        )
    steps: list[dict[str, object]] = []
    for name, activity in given.items():
        if activity not in by_code:
            raise WrongFile(f"{network.file}: --provides {name}={activity}: there is no activity {activity}")
        if name in own:
            raise WrongFile(
                f"{network.file}: --provides {name}: an activity of the file becomes the step {name} already"
            )
        steps.append({"id": name, "days": 0, "after": [by_code[activity]], "note": "what other parts wait for"})
    return steps


def config_text(network: PlannerNetwork, name: str, like: Path, target: Path, steps: list[dict[str, object]]) -> str:
    """Return the text of a configuration like another one, with a network of the planner's steps.

    `steps` are added to them; `extends` is said from where `target` lies.
    """
    text = files.read(like, MOST_BYTES).decode("utf-8-sig")
    blocks = _top_level(text)
    body = "".join(block for key, block in blocks if key not in (name, "name", "label"))
    if found := re.search(r"^extends:\s*(\S+)", body, re.MULTILINE):
        base = os.path.relpath(like.parent / found[1], target.parent)
        body = body.replace(found[0], f"extends: {base}", 1)
    title = (
        f"name: {dumps(target.stem)}\nlabel: {dumps(f'{target.stem}: {name} of {network.file}', ensure_ascii=False)}\n"
    )
    return f"{title}{body.rstrip()}\n\n{fragment(network, name, steps)}"


def _top_level(text: str) -> list[tuple[str, str]]:
    """The blocks of a YAML file by their key at the margin; what stands before the first has none."""
    parts = re.split(r"^(?=[A-Za-z_]\w*:)", text, flags=re.MULTILINE)
    return [(part.partition(":")[0] if re.match(r"[A-Za-z_]\w*:", part) else "", part) for part in parts if part]
