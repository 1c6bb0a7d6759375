"""Statistics of a sample: intervals, Sobol indices, control variates, regression."""

from __future__ import annotations
