"""What nobody on the project controls: luck, spread of durations, the calendar, the rules of the road.

Pure functions of their arguments: no clock, no time zone, no locale, no simulation library.
"""
