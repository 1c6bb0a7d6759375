"""Reading and checking the cells, facts and rows of a status."""
