"""Weather: when rain, mud, frost, wind and storms close the site, one series a replication."""

from __future__ import annotations
