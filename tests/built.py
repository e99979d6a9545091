"""The built book as files: a page parsed once for all tests of a file that ask for it in turn."""

import functools
import re
from pathlib import Path

from bs4 import BeautifulSoup

from tests.pages import ROOT

HTML = ROOT / "_build" / "html"
SCRIPT = re.compile("<script.*?</script>", re.DOTALL)
IDENTITY = re.compile(r'<[^<>]*?\sid="([^"]*)"')


def built(page: Path) -> str:
    """The address of a page of the book below its base."""
    return page.relative_to(ROOT).with_suffix(".html").as_posix()


@functools.lru_cache(maxsize=3)  # a large page takes 50 MB
def soup_of(address: str) -> BeautifulSoup:
    """A built page, parsed; all share it, so that who changes it changes a copy."""
    return BeautifulSoup((HTML / address).read_text(encoding="utf-8"), "html.parser")


def head_of(address: str) -> BeautifulSoup:
    """The head of a built page, without the time that its body takes."""
    text = (HTML / address).read_text(encoding="utf-8")
    return BeautifulSoup(text[: text.index("<body")], "html.parser")


@functools.cache
def ids_of(address: str) -> list[str]:
    """The ids on a built page, where links can lead, in their order."""
    text = SCRIPT.sub("", (HTML / address).read_text(encoding="utf-8"))
    return IDENTITY.findall(text)
