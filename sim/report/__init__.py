"""What the results look like to people: words, verdicts and figures. The only place with matplotlib."""

from __future__ import annotations
