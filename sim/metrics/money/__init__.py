"""Money of a run: contracts, the ledger, capital that waits, what it earns and what it costs."""

from __future__ import annotations
