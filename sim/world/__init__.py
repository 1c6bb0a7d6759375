"""What no one on the project controls: random numbers, distributions, calendars, weather, roads.

Pure functions of their arguments: no clock, no time zone, no locale, no simulation library.
"""
