"""Planners' schedules on their way into a configuration: Microsoft Project XML and Primavera XER."""
