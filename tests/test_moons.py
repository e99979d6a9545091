"""moon_phases: rendered moons whose phase is known."""

import math

import pytest
import torch

import vaelib
from vaelib import moons


def test_images_and_phases_have_the_shapes_and_ranges_of_the_docstring():
    data = vaelib.moon_phases(50, seed=0)
    assert data.images.shape == (50, 1, 28, 28)
    assert data.images.dtype == torch.float32
    assert (data.images.min(), data.images.max()) == (0, 1)
    assert data.labels.shape == (50,)
    assert data.labels.is_floating_point()
    assert data.labels.min() >= 0
    assert data.labels.max() < 1


def test_phases_are_uniform():
    phases = vaelib.moon_phases(4000, seed=3).labels.double()
    assert abs(phases.mean() - 1 / 2) < 5 * math.sqrt(1 / 12 / 4000)
    quarters = torch.histc(phases, 4, 0, 1)
    assert (quarters - 1000).abs().max() < 5 * math.sqrt(4000 * 3 / 16)


def test_lit_area_is_the_exact_fraction():
    phases = torch.linspace(0, 1, 101)
    area = moons.render(phases).double().sum((1, 2, 3)) / (math.pi * moons.RADIUS**2)
    exact = (1 - torch.cos(math.pi * phases.double())) / 2
    torch.testing.assert_close(area, exact, atol=2e-4, rtol=0)


@pytest.mark.parametrize("phase", [0.05, 0.3, 0.5, 0.8, 1.0])
def test_image_is_that_of_a_sphere_in_the_light_of_a_sun(phase):
    fine = 40 * moons.SIDE  # points on a side, 40 a pixel
    position = ((torch.arange(fine).double() + 0.5) / 40 - moons.SIDE / 2) / moons.RADIUS
    y, x = torch.meshgrid(position, position, indexing="ij")
    towards_us = (1 - x**2 - y**2).clamp(min=0).sqrt()
    faces_sun = x * math.sin(math.pi * phase) - towards_us * math.cos(math.pi * phase) > 0
    lit = (faces_sun & (x**2 + y**2 < 1)).double()
    pixels = lit.view(moons.SIDE, 40, moons.SIDE, 40).mean((1, 3))
    drawn = moons.render(torch.tensor([phase], dtype=torch.float64))[0, 0].double()
    torch.testing.assert_close(drawn, pixels, atol=0.04, rtol=0)


def test_new_half_and_full_moon():
    new, half, full = moons.render(torch.tensor([0.0, 0.5, 1.0]))[:, 0]
    assert new.max() == 0
    assert half[:, :14].max() < 1e-6
    torch.testing.assert_close(half[:, 14:], full[:, 14:])
    torch.testing.assert_close(full, full.flip(1))


def test_no_pixel_loses_light_as_the_phase_grows():
    images = moons.render(torch.linspace(0, 1, 200))
    assert images.diff(dim=0).min() >= 0
    assert (images.sum((1, 2, 3)).diff() > 0).all()


def test_a_seed_gives_the_same_moons_and_another_seed_others():
    first, again, other = (vaelib.moon_phases(5, seed) for seed in (1, 1, 2))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.labels, other.labels)


def test_global_random_state_is_left_alone():
    state = torch.get_rng_state()
    vaelib.moon_phases(5, seed=0)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("n", [0, -3])
def test_fewer_than_one_moon_is_an_error(n):
    with pytest.raises(ValueError, match=f"wanted n as an integer of 1 or more, got {n}"):
        vaelib.moon_phases(n, seed=0)


@pytest.mark.parametrize("phase", [-0.1, 1.5, math.nan])
def test_a_phase_outside_the_half_cycle_is_an_error(phase):
    with pytest.raises(ValueError, match=r"wanted phases in \[0, 1\]"):
        moons.render(torch.tensor([phase]))


@pytest.mark.parametrize("shape", [(), (0,), (2, 2)])
def test_phases_of_another_shape_are_an_error(shape):
    with pytest.raises(ValueError, match="wanted phases of shape"):
        moons.render(torch.zeros(shape))
