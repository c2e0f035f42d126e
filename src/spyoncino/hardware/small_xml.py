"""Reads small XML of strangers: no document type, so no entities; bounded in every way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 65_507
"""The largest datagram of UDP over IPv4."""

MAX_DEPTH = 32
MAX_ELEMENTS = 5_000


@dataclass(slots=True)
class Element:
    """One element.

    Args:
        name: Without its namespace.
        text: What stands directly in it.
        children: Elements in it.
    """

    name: str
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        """It and everything below it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()

    def text_of(self, name: str) -> str:
        """Text of the first element of a name at or below this one; empty without."""
        return next((each.text.strip() for each in self.walk() if each.name == name), "")


def parse_xml(data: bytes) -> Element:
    """The root element of a document.

    Raises:
        ValueError: It is no XML, has a document type, or is too large or too deep.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"the document has more than {MAX_BYTES} bytes")
    root = Element("")
    path = [root]
    count = 0

    def begin(name: str, _attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS or len(path) > MAX_DEPTH:
            raise ValueError("the document has too many elements")
        element = Element(name.rsplit(" ", 1)[-1])
        path[-1].children.append(element)
        path.append(element)

    def end(_name: str) -> None:
        path.pop()

    def take(text: str) -> None:
        path[-1].text += text

    def refuse(*_: object) -> None:
        raise ValueError("the document has a document type, which answers never have")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = take
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError) as error:
        raise ValueError(f"no XML: {error}") from None
    return root.children[0]
