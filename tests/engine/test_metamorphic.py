"""What must not change a plan's answer, or change it in a known way."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sim.plan.plan import Plan
from sim.plan.vocabulary import Hold, Span, Step, Until, Work
from sim.world.calendars import always
from sim.world.distributions import Fixed, Pert, Triangular, Uniform
from tests.engine.random_plans import LAST, Writer, random_plan
from tests.engine.small_plans import Told, lucks, told, write, work
from tests.engine.test_against_naive import performed
from sim.engine.processes import Prepared, perform
from sim.plan.compile import compile_plan
