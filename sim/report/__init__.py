"""Everything people see: console, HTML report, figures, planners' files, generated docs. The only part with matplotlib."""

from __future__ import annotations
