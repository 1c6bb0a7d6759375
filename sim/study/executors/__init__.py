"""Where replications run: in this process, in worker processes, on a Dask cluster."""

from __future__ import annotations
