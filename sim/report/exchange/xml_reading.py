"""XML from strangers: read without document types, entities, or more than a stated size and depth.

A document type is where entities are declared, and entities are what XML bombs and stolen files are made of; no
schedule needs one.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sim.report.exchange.network import WrongFile

MOST_BYTES = 64_000_000
DEEPEST = 40
MOST_ELEMENTS = 3_000_000


def read_xml(data: bytes, file: str) -> Element:
    """Read a document as a tree whose tags have no namespace; WrongFile if it is not one we read."""
    if len(data) > MOST_BYTES:
        raise WrongFile(f"{file}: {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    builder = _Builder(file)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.tree.data
    parser.StartDoctypeDeclHandler = builder.refuse_doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise WrongFile(f"{file}:{error.lineno}: not XML: {expat.ErrorString(error.code)}") from error
    return builder.tree.close()


class _Builder:
    """Builds the tree and counts."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = TreeBuilder()
        self.depth = self.elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self.depth += 1
        self.elements += 1
        if self.depth > DEEPEST or self.elements > MOST_ELEMENTS:
            raise WrongFile(f"{self.file}: nested too deeply or too long to be a schedule")
        self.tree.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        """End an element."""
        self.depth -= 1
        self.tree.end(tag.rpartition("}")[2])

    def refuse_doctype(self, name: str, *_: object) -> None:
        """Refuse a document type."""
        raise WrongFile(f"{self.file}: has a document type ({name}); schedules have none, and entities are not read")
