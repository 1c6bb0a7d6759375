"""Queues whose smallest number comes out first: binary heaps of integers, several side by side in one array.

A moment and a unit (minute, then rank), or a request (priority, minute asked, rank), are packed into one integer,
so that comparing two of them is one comparison. Nothing is decided on the way down but by arithmetic: a processor
guesses every second of such decisions wrongly, and pays for it.
"""

from __future__ import annotations

from sim.machine.jit import part
from sim.machine.numbers import Numbers

LARGEST = 2**63 - 1


@part
def push(heap: Numbers, base: int, size: int, number: int) -> None:
    """Add a number to the heap of `size` numbers that begins at `base`."""
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[base + above] <= number:
            break
        heap[base + at] = heap[base + above]
        at = above
    heap[base + at] = number


@part
def pop(heap: Numbers, base: int, size: int) -> int:
    """Take the smallest of the `size` numbers that begin at `base`: the gap sinks to the end, the last fills it."""
    smallest, end = heap[base], size - 1
    last = heap[base + end]
    heap[base + end] = LARGEST
    at, below = 0, 1
    while below < end:
        below += int(heap[base + below + 1] < heap[base + below])
        heap[base + at] = heap[base + below]
        at = below
        below = 2 * at + 1
    while at > 0:
        above = (at - 1) >> 1
        if heap[base + above] <= last:
            break
        heap[base + at] = heap[base + above]
        at = above
    heap[base + at] = last
    return smallest
