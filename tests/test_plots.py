"""The book's figures: what is in them, not how they look."""

import base64
import io

import PIL.Image
import pytest
import torch
from matplotlib.colors import to_hex
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


@pytest.mark.parametrize("shape", [(3, 5), (3, 1, 2, 8), (3, 4, 2, 2), (3, 2, 8)])
def test_image_grid_wants_square_images_of_one_channel(shape):
    with pytest.raises(ValueError, match=r"wanted square images of one channel, got shape \(3"):
        plots.image_grid(torch.zeros(shape), 2)


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


def test_manifold_wants_a_plane():
    with pytest.raises(ValueError, match="got 3 dimensions"):
        plots.manifold(vaelib.VAE(4, 3, 3))


def test_the_palette_is_that_of_the_paper():
    assert [to_hex(color) for color in plots.PALETTE[:2]] == ["#3f90da", "#ffa90e"]
