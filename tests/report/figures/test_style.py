from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.dates import date2num

from sim.report.figures import style


@pytest.mark.parametrize(("low", "high"), [(0, 30), (0, 200), (0, 900), (400, 4000)])
def test_ticks_are_dates_inside_the_axis_with_the_year_first(low: float, high: float) -> None:
    ax = style.canvas()
    start = float(date2num(np.datetime64("2027-01-04")))
    ax.set_xlim(start + low, start + high)
    style.date_axis(ax)
    ticks = ax.get_xticks()
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert 2 <= len(ticks) <= 12
    assert ((start + low <= ticks) & (ticks <= start + high)).all()
    assert re.search(r"\n20\d\d$", labels[0])


def test_dollars_are_dollars_and_not_formulas() -> None:
    ax = style.canvas()
    style.title(ax, "$5 and $6")
    assert ax.get_title(loc="left") == r"\$5 and \$6"
