"""Results and checkpoints on disk: formats, checksums, locks, atomic replacement."""

from __future__ import annotations
