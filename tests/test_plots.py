"""The book's figures: what is in them, not how they look."""

import base64
import io
import math

import numpy as np
import PIL.Image
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from torch.distributions import Normal

import vaelib
from vaelib import plots


@pytest.fixture
def shown(monkeypatch):
    """What `plots.show` would hand to Jupyter."""
    calls = []
    monkeypatch.setattr(plots, "display", lambda data, **options: calls.append((data, options)))
    return calls


def test_show_gives_a_small_png_and_its_alt_text_twice(shown):
    fig, _ = plots.figure(width=3, height=2)
    plots.show(fig, "an empty plot")
    ((data, options),) = shown
    image = PIL.Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size == (450, 300)
    assert image.mode == "P"
    assert data["text/plain"] == "an empty plot"
    assert options == {
        "raw": True,
        "metadata": {"image/png": {"alt": "an empty plot", "width": 300}},
    }


def test_a_figure_without_alt_text_is_an_error(shown):
    with pytest.raises(ValueError, match="wanted an alt text"):
        plots.show(plots.figure()[0], " ")
    assert shown == []


def test_image_grid_puts_images_in_reading_order():
    images = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 2, 2) / 5
    grid = plots.image_grid(images, columns=3, gap=1)
    assert grid.shape == (5, 8)
    torch.testing.assert_close(grid[0, ::3], torch.tensor([0, 0.2, 0.4]))
    torch.testing.assert_close(grid[3, ::3], torch.tensor([0.6, 0.8, 1.0]))
    assert grid[2].isnan().all()


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 2, 2), (3, 2, 2, 2), (3, 1, 1, 2, 2), (3,)])
def test_image_grid_wants_images_that_are_grey_or_in_three_colours(shape):
    with pytest.raises(ValueError, match=r"wanted (square )?images"):
        plots.image_grid(torch.zeros(shape), 2)


def test_oblong_images_and_colours_are_tiled_with_their_gaps():
    grey, colour = torch.rand(3, 1, 4, 2), torch.rand(3, 3, 4, 2)
    grid = plots.image_grid(grey, columns=2, gap=1)
    assert grid.shape == (9, 5)
    assert torch.equal(grid[5:, :2], grey[2, 0])
    assert grid[4].isnan().all()
    grid = plots.image_grid(colour, columns=2, gap=1)
    assert grid.shape == (9, 5, 3)
    assert torch.equal(grid[:4, 3:], colour[1].permute(1, 2, 0))
    assert (grid[4] == 1).all()
    assert torch.equal(plots.image_grid(colour.flatten(1), 2, 1, shape=(3, 4, 2)), grid)


@pytest.mark.parametrize("value", [-1.0, 255.0, math.nan, math.inf])
def test_pixels_that_would_be_drawn_as_others_are_named(value):
    images = torch.rand(3, 3, 4, 2)
    images[1, 1, 1, 1] = value
    with pytest.raises(ValueError, match=r"values in \[.*(-1|255)|wanted finite pixels"):
        plots.images(images)


def test_images_of_bytes_are_named_and_a_threshold_is_drawn():
    with pytest.raises(ValueError, match=r"torch\.uint8: divide bytes by 255"):
        plots.images(torch.zeros(2, 4, 4, dtype=torch.uint8))
    assert plots.image_grid(torch.ones(1, 2, 2) > 0.5, 1, 0).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(("count", "columns"), [(0, 2), (3, 0)])
def test_image_grid_wants_something_to_draw(count, columns):
    with pytest.raises(ValueError, match=f"got {count} in {columns}"):
        plots.image_grid(torch.zeros(count, 4), columns)


def test_reconstructions_stand_below_their_originals():
    originals, rebuilt = torch.zeros(3, 1, 4, 4), torch.ones(3, 1, 4, 4)
    fig = plots.reconstructions(originals, rebuilt)
    array = fig.axes[0].get_images()[0].get_array()
    assert (array[0].min(), array[-1].max()) == (0, 1)
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["original", "rebuilt"]


def test_reconstructions_take_the_shape_of_either_side_and_want_as_many():
    oblong, colour = torch.rand(3, 1, 4, 2), torch.rand(3, 3, 4, 2)
    for images, height in ((oblong, 10), (colour, 10)):
        for pair in ((images, images.flatten(1)), (images.flatten(1), images.double())):
            drawn = plots.reconstructions(*pair).axes[0].get_images()[0].get_array()
            assert drawn.shape[:2] == (height, 10)
    with pytest.raises(ValueError, match=r"wanted as many .* \(3, 1, 4, 2\) and \(2, 1, 4, 2\)"):
        plots.reconstructions(oblong, oblong[:2])


def test_training_curves_show_every_term_of_train_and_test():
    terms = [vaelib.Terms(-100.0 + epoch, 5.0 + epoch) for epoch in range(3)]
    fig = plots.training_curves(vaelib.History(train=terms, test=terms))
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["-ELBO", "reconstruction loss", "KL"]
    assert fig.axes[0].get_lines()[0].get_ydata().tolist() == [105, 105, 105]
    assert fig.axes[2].get_lines()[1].get_ydata().tolist() == [5, 6, 7]


def test_training_curves_of_an_interrupted_first_epoch_are_empty():
    assert len(plots.training_curves(vaelib.History()).axes) == 3


def test_latent_map_has_all_points_and_a_name_a_label():
    mu, labels = torch.randn(50, 2), torch.arange(50) % 10
    ax = plots.latent_map(mu, labels).axes[0]
    assert sum(len(points.get_offsets()) for points in ax.collections) == 50
    assert [text.get_text() for text in ax.texts] == [str(digit) for digit in range(10)]


def test_latent_map_wants_two_dimensions():
    with pytest.raises(ValueError, match=r"wanted means of shape \(N, 2\), got \(5, 3\)"):
        plots.latent_map(torch.zeros(5, 3), torch.zeros(5))


def test_manifold_decodes_the_quantiles_with_z1_to_the_right_and_z2_up(monkeypatch):
    model = vaelib.VAE(4, 3, 2)
    monkeypatch.setattr(model, "decode", lambda z: z[:, :1].expand(-1, 4).sigmoid())
    array = plots.manifold(model, side=4).axes[0].get_images()[0].get_array()
    expected = Normal(0, 1).icdf(torch.tensor([0.125, 0.375, 0.625, 0.875])).sigmoid()
    torch.testing.assert_close(torch.as_tensor(array[0, ::2].data), expected)
    monkeypatch.setattr(model, "decode", lambda z: z[:, 1:].expand(-1, 4).sigmoid())
    array = plots.manifold(model, side=4).axes[0].get_images()[0].get_array()
    torch.testing.assert_close(torch.as_tensor(array[::2, 0].data), expected.flip(0))


def test_latent_map_names_labels_that_have_no_colour():
    for labels in (torch.rand(5), torch.zeros(5, 10), torch.zeros(4).long()):
        with pytest.raises(ValueError, match="wanted labels as 5 integers"):
            plots.latent_map(torch.zeros(5, 2), labels)
    with pytest.raises(ValueError, match="wanted finite means"):
        plots.latent_map(torch.full((5, 2), torch.nan), torch.zeros(5).long())


@pytest.mark.parametrize("shape", [(1, 16, 9), (3, 4, 12)])  # of the first 144, of the other too
@pytest.mark.parametrize("side", [np.int64(3), torch.tensor(3)])
def test_manifold_draws_images_in_the_models_own_shape(shape, side):
    model = vaelib.VAE(144, 8, 2, image_shape=shape)
    array = plots.manifold(model, side).axes[0].get_images()[0].get_array()
    assert array.shape == (3 * shape[1], 3 * shape[2], 3)[: 2 + (shape[0] == 3)]
    z = torch.tensor([[plots.gaussian_quantiles(3)[0]] * 2])  # lowest and leftmost
    expected = model.decode(z).detach().view(shape).permute(1, 2, 0).squeeze(-1)
    torch.testing.assert_close(torch.as_tensor(array[-shape[1] :, : shape[2]].data), expected)


def test_manifold_draws_a_decoder_without_a_sigmoid():
    assert plots.manifold(vaelib.LinearVAE(4, 2), 2)


def test_manifold_wants_a_shape_that_can_be_drawn():
    with pytest.raises(ValueError, match="got 15 pixels an image"):
        plots.manifold(vaelib.VAE(15, 3, 2))
    with pytest.raises(ValueError, match="got 5 channels"):
        plots.manifold(vaelib.VAE(20, 3, 2, image_shape=(5, 2, 2)))


def test_manifold_wants_a_plane():
    with pytest.raises(ValueError, match="got 3 dimensions"):
        plots.manifold(vaelib.VAE(4, 3, 3))


def test_the_palette_is_that_of_the_paper():
    assert [to_hex(color) for color in plots.PALETTE[:2]] == ["#3f90da", "#ffa90e"]


@pytest.mark.parametrize("inline", [False, True])
def test_a_figure_at_the_end_of_a_cell_is_one_picture(inline):
    fig, _ = plots.figure(width=3, height=2)
    formatter = DisplayFormatter()
    if inline:  # as `%matplotlib inline` does
        formatter.formatters["image/png"].for_type(Figure, lambda fig: (b"inline", {}))
    data, metadata = formatter.format(fig)
    assert set(data) == {"text/plain", "image/png"}
    if not inline:
        assert data["image/png"] == plots.png(fig)
        assert metadata["image/png"] == {"width": 300}
