"""A project that can be watched: the event log of one run as a page that plays it."""
