"""A page on this machine to move sliders on: one file without network, and the small server that feeds it."""
