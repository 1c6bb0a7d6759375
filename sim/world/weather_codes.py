"""Rain told in codes: what an observer wrote down where no gauge was read.

Only how hard it rained or snowed is taken from them, in the classes of TMY2 and EPW (light up to 2.5 mm an hour,
moderate up to 7.6, heavy above), each as one depth of water.
"""

from __future__ import annotations

LIGHT, MODERATE, HEAVY = 1.0, 5.0, 10.0

_PRECIPITATION = range(50, 100)
_MODERATE = {62, 63, 67, 69, 81, 84, 92, 94, 95, 96}
_HEAVY = {64, 65, 82, 97, 99}
_RAIN, _OTHER = 1, slice(2, 6)
"""Of nine digits: rain; drizzle, snow, snow showers, sleet. Before them thunder, after them fog, smoke, hail."""


def metar(text: str) -> float | None:
    """Return mm in the hour for a two-digit code of present weather (WMO table 4677); None if there is none."""
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit():
        return None
    code = int(digits[:4])
    if code in _HEAVY:
        return HEAVY
    if code in _MODERATE:
        return MODERATE
    return LIGHT if code in _PRECIPITATION else 0.0


def epw(observed: str, codes: str) -> float | None:
    """Return mm in the hour for EPW's nine digits, each 9 for nothing; None where nobody observed."""
    digits = codes.strip().strip("'\"").zfill(9)
    if observed.strip() != "0" or len(digits) != 9 or not digits.isascii() or not digits.isdigit():
        return None
    if digits[_RAIN] != "9":
        return (LIGHT, MODERATE, HEAVY)[int(digits[_RAIN]) % 3]
    return LIGHT if digits[_OTHER] != "9999" else 0.0
