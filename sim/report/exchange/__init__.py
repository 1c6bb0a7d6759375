"""Files for and from planners' own tools: schedules, workbooks, tables, step networks."""
