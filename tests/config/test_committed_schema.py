from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import VERSION

from sim.config.json_schema import json_schema
from sim.config.project import Project

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "configs" / "schema.json"
PINNED = re.findall(r"(?m)^pydantic==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"))


@pytest.mark.skipif([VERSION] != PINNED, reason="the words of a schema are pydantic's, and another one is pinned")
def test_the_committed_schema_is_the_one_of_the_models() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema(Project)
