"""Add bookmarks to a PDF that Chromium has printed, as an update at its end.

Chromium makes bookmarks only together with the tags of each piece of text, which are a third of the
file. What is written here follows section 7.5.6 of ISO 32000-1: the new objects, the catalogue once
more, and a table of where they are.
"""

import re
from pathlib import Path


def add_bookmarks(path: Path, entries: list[tuple[int, str, str]]) -> None:
    """Add a bookmark for each entry: a depth of 1 or 2, the name of a place in the PDF, a title."""
    pdf = path.read_bytes()
    trailer, table = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref\s+(\d+)", pdf, re.DOTALL)[-1]
    size = int(re.search(rb"/Size (\d+)", trailer)[1])
    root = int(re.search(rb"/Root (\d+) 0 R", trailer)[1])
    catalogue = re.search(rb"\n%d 0 obj\s*<<(.*?)>>\s*endobj" % root, pdf, re.DOTALL)[1]
    catalogue += b"\n/Outlines %d 0 R\n/PageMode /UseOutlines\n/Lang (en)" % size
    objects = {root: catalogue} | outline(size, entries)
    places, update = {}, b"\n"
    for number, content in objects.items():
        places[number] = len(pdf) + len(update)
        update += b"%d 0 obj\n<<%s>>\nendobj\n" % (number, content)
    start = len(pdf) + len(update)
    rows = b"".join(b"%d 1\n%010d 00000 n \n" % each for each in places.items())
    kept = re.sub(rb"/Size \d+", b"/Size %d" % (size + len(entries) + 1), trailer)
    kept += b"\n/Prev %d" % int(table)
    update += b"xref\n%strailer\n<<%s>>\nstartxref\n%d\n%%%%EOF\n" % (rows, kept, start)
    path.write_bytes(pdf + update)


def outline(first: int, entries: list[tuple[int, str, str]]) -> dict[int, bytes]:
    """The objects of the bookmarks by number, of which the first is their root."""
    numbers = range(first + 1, first + 1 + len(entries))
    parents, parent = {}, first
    for number, (depth, *_) in zip(numbers, entries, strict=True):
        parents[number] = first if depth == 1 else parent
        parent = number if depth == 1 else parent
    families = {
        parent: [n for n in numbers if parents[n] == parent] for parent in (first, *numbers)
    }
    objects = {first: b"/Type /Outlines" + children(families[first])}
    for number, (_, name, title) in zip(numbers, entries, strict=True):
        siblings = families[parents[number]]
        at = siblings.index(number)
        objects[number] = b"/Title <%s>\n/Dest /%s\n/Parent %d 0 R" % (
            (b"\xfe\xff" + title.encode("utf-16-be")).hex().encode(),
            re.sub(rb"[^\w.:-]", lambda match: b"#%02x" % match[0][0], name.encode()),
            parents[number],
        )
        objects[number] += link(b"Prev", siblings[at - 1 : at]) + link(b"Next", siblings[at + 1 :])
        objects[number] += children(families[number], is_open=False)
    return objects


def children(numbers: list[int], is_open: bool = True) -> bytes:
    """What a bookmark says of those below it."""
    if not numbers:
        return b""
    count = b"\n/Count %d" % (len(numbers) if is_open else -len(numbers))
    return link(b"First", numbers) + link(b"Last", numbers[-1:]) + count


def link(key: bytes, numbers: list[int]) -> bytes:
    """A reference to the first of some objects, if there is one."""
    return b"\n/%s %d 0 R" % (key, numbers[0]) if numbers else b""
