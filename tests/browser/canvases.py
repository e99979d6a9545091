"""What a test reads from a widget's canvases, and the draws that its front end makes."""

import math

import numpy as np

SHARES = """(canvas) => {
  const { colors, rgb } = canvas.closest("figure").vaelib.module;
  const { ground, ink } = colors(canvas);
  const [from, to] = [rgb(ground)[0], rgb(ink)[0]];
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: canvas.width * canvas.height }, (_, i) =>
    (data[4 * i] - from) / (to - from));
}"""
COLORS = """([canvas, wanted]) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size >= wanted;
}"""
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CHANGED = "([canvas, before]) => canvas.toDataURL() !== before"


def shown_images(canvas, side: int = 28) -> np.ndarray:
    """The images that a picture shows, (columns, side * side) in [0, 1], to within 1/200."""
    flat = np.array(canvas.evaluate(SHARES)).reshape(side, -1, side)  # (row, column, x)
    return flat.transpose(1, 0, 2).reshape(-1, side * side)


def wait_for_colors(canvas, count: int, **options) -> None:
    """Wait until a canvas shows so many colours."""
    canvas.page.wait_for_function(COLORS, arg=[canvas.element_handle(), count], **options)


def drawn(canvas) -> str:
    """What a canvas shows, to be compared with what it shows later."""
    return canvas.evaluate("canvas => canvas.toDataURL()")


def wait_for_change(canvas, before: str) -> None:
    """Wait until a canvas shows something else."""
    canvas.page.wait_for_function(CHANGED, arg=[canvas.element_handle(), before])


def set_traits(figure, **values) -> None:
    """Set traits of the running widget, as Python does it, and wait until it has drawn."""
    set_all = "(f, values) => Object.entries(values).forEach(e => f.vaelib.model.set(...e))"
    figure.evaluate(set_all, values)
    figure.page.evaluate(FRAMES)


def trait(figure, name: str):
    """A trait of the running widget; bytes come as a list."""
    return figure.evaluate(
        """(figure, name) => {
          const value = figure.vaelib.model.get(name);
          return value instanceof DataView ? [...new Uint8Array(value.buffer)] : value;
        }""",
        name,
    )


def normals(seed: int):
    """The draws from N(0, 1) of the front end: Marsaglia's xorshift, Box and Muller's method."""
    state = (seed * 2654435761) % 2**32 or 1

    def uniform():
        nonlocal state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        return state / 2**32

    while True:
        radius = math.sqrt(-2 * math.log(1 - uniform()))
        yield radius * math.cos(2 * math.pi * uniform())


def touch(page, places, pause: int = 0) -> None:
    """Put a finger on the first place (x, y), move it along the others, and lift it.

    It rests on each for `pause` milliseconds: to Chromium, a finger that leaves at full speed has
    thrown the page, and the next tap only catches it.
    """
    session = page.context.new_cdp_session(page)
    for kind, place in zip(["touchStart"] + ["touchMove"] * (len(places) - 1), places, strict=True):
        points = [{"x": place[0], "y": place[1]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        if pause:
            page.wait_for_timeout(pause)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def wait_until_scrolled(page) -> None:
    """Wait until the page rests: a finger that has left it may have set it going."""
    page.evaluate(
        """async () => {
          for (let still = 0, last = -1; still < 15; last = scrollY) {
            await new Promise(requestAnimationFrame);
            still = scrollY === last ? still + 1 : 0;
          }
        }"""
    )
