from __future__ import annotations

import json
from pathlib import Path

from sim.config.json_schema import json_schema
from sim.config.project import Project

SCHEMA = Path(__file__).parents[2] / "configs" / "schema.json"


def test_the_committed_schema_is_the_one_of_the_models() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema(Project)
