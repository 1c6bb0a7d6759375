"""Sphinx's settings for the site that `make site` builds: Markdown as it is read in the repository, and no network."""

from __future__ import annotations

project = "hybrid-dc-sim"
exclude_patterns = ["files/**"]
root_doc = "README"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "hybrid-dc-sim"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
pygments_style = "sphinx"
# Pages are also read one by one in the repository, where each begins at the level that its own outline asks for.
suppress_warnings = ["myst.header"]
