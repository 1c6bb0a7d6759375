"""The report as one file: what a run or a comparison says, for a browser, a phone or a printer, without a network."""
