"""Read a corpus's XML element by element, in little memory, without trusting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

from .sources import SourceError, opened, size_of

LARGEST_XML = 1 << 28  # bytes; an hour of words with their times has a few million
DEEPEST_XML = 64
LONGEST_TAG = 1 << 20  # bytes; expat scans a tag from its beginning again with every block
BLOCK = 1 << 16


def parse_xml(
    path: Path,
    begin: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Read an XML file element by element, in little memory. A file that declares entities is refused unread.

    Args:
        begin: called with the name and the attributes of an element; end: with its name; text: with a piece of text.

    Raises SourceError: missing, xml, entities.
    """
    parser, depth = expat.ParserCreate(), 0
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        line = f"{path}, line {parser.CurrentLineNumber}"
        raise SourceError("entities", "an XML file that declares entities or a DTD: refused", line, "get it anew")

    def begun(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST_XML:
            line = f"{path}, line {parser.CurrentLineNumber}"
            raise SourceError("xml", f"elements nested deeper than {DEEPEST_XML}", line, "get the file anew")
        begin(name, attributes)

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(name)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begun, closed, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        if size_of(path) > LARGEST_XML:
            message = f"an XML file of more than {LARGEST_XML >> 20} MiB"
            raise SourceError("xml", message, str(path), "get the file anew")
        with opened(path) as f:
            read = 0
            while block := f.read(BLOCK):
                parser.Parse(block)
                read += len(block)
                if read - parser.CurrentByteIndex > LONGEST_TAG:
                    message = f"a tag of more than {LONGEST_TAG >> 20} MiB"
                    raise SourceError("xml", message, str(path), "get the file anew")
            parser.Parse(b"", True)
    except expat.ExpatError as e:
        raise SourceError("xml", f"not XML: {e}", str(path), "get the file anew") from None
    except (LookupError, UnicodeError) as e:  # of the encoding that its first line names
        raise SourceError("encoding", f"no encoding of XML: {e}", str(path), "convert it to UTF-8") from None
    except ValueError as e:
        if "multi-byte" not in str(e):
            raise
        raise SourceError("encoding", f"no encoding of XML here: {e}", str(path), "convert it to UTF-8") from None
