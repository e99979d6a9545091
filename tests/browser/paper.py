"""What is on the pages of a PDF: its text with places, its ink, its links."""

import ctypes
import re
from dataclasses import dataclass

import numpy as np
import pypdfium2
from pypdfium2 import raw

MARGIN = 18 / 25.4 * 72  # points, as print.css has it
SCALE = 2  # pixels a point
GAP = 5  # points, at most, between two words


@dataclass
class Line:
    """A piece of text on a page, with its box in points from the page's upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


class Sheet:
    """A page of a PDF: its size in points, its text, its lines, its ink."""

    def __init__(self, page: pypdfium2.PdfPage):
        self.page, (self.width, self.height) = page, page.get_size()
        self.texts = page.get_textpage()
        self.text = self.texts.get_text_range().replace("\r\n", "\n")

    def lines(self) -> list[Line]:
        """The pieces of text that stand in one line each."""
        found: list[list[float]] = []
        for i in range(self.texts.count_rects()):
            left, bottom, right, top = self.texts.get_rect(i)
            last = found[-1] if found else None
            if last and bottom < last[3] and top > last[1] and -GAP < left - last[2] < GAP:
                found[-1] = [last[0], min(bottom, last[1]), right, max(top, last[3])]
            else:
                found.append([left, bottom, right, top])
        return [self.line(*box) for box in found]

    def line(self, left: float, bottom: float, right: float, top: float) -> Line:
        text = self.texts.get_text_bounded(left - 0.5, bottom, right + 0.5, top)
        return Line(text.strip(), left, self.height - top, right, self.height - bottom)

    def pixels(self) -> np.ndarray:
        """The page as it looks: (rows, columns, 3)."""
        return self.page.render(scale=SCALE).to_numpy()[..., :3]

    def links(self) -> list[int | str | None]:
        """Where the links of the page lead: to a page, from 1, to an address, or nowhere."""
        place, link, found = ctypes.c_int(0), raw.FPDF_LINK(), []
        while raw.FPDFLink_Enumerate(self.page, place, link):
            found.append(self.target(link))
        return found

    def target(self, link) -> int | str | None:
        document = self.page.pdf
        if goal := raw.FPDFLink_GetDest(document, link):
            return raw.FPDFDest_GetDestPageIndex(document, goal) + 1
        action = raw.FPDFLink_GetAction(link)
        buffer = ctypes.create_string_buffer(2000)
        raw.FPDFAction_GetURIPath(document, action, buffer, 2000)
        return buffer.value.decode() or None


def sheets(pdf: bytes) -> list[Sheet]:
    """The pages of a PDF."""
    return [Sheet(page) for page in pypdfium2.PdfDocument(pdf)]


def ink(pixels: np.ndarray) -> np.ndarray:
    """Which pixels are not paper."""
    return pixels.min(-1) < 200


def is_cut(sheet: Sheet, margin: float = MARGIN) -> bool:
    """Whether a page ends with the upper edge of what stands on the next one."""
    foot, seen = round((sheet.height - margin) * SCALE), sheet.pixels().min(-1) < 252
    return seen[foot - 5 : foot + 5].any() and not seen[foot - 24 : foot - 6].any()


def numbers(sheet: Sheet) -> list[Line]:
    """The numbers of equations at the right edge of a page's text."""
    right = sheet.width - MARGIN
    found = [line for line in sheet.lines() if abs(line.right - right) < 6]
    return [line for line in found if re.fullmatch(r"\(\d+\.\d+\)", line.text)]
