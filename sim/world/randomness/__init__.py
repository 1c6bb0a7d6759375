"""Random numbers: streams addressed by name, distributions, and their inverse CDF as tables."""

from __future__ import annotations
