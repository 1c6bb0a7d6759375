"""The report of a run or a comparison as one HTML file that needs no network, for a browser, a phone or a printer."""
