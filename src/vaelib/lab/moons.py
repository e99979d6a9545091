"""Moons with a known phase: images whose one true latent variable can be looked up."""

import math

import torch
from torch import Tensor

from vaelib.checks import integer, random_seed
from vaelib.data import ImageDataset

SIDE = 28  # pixels of an image's side
RADIUS = 11.0  # of the disc, in pixels
LINES = 16  # scan lines in a row of pixels


def moon_phases(n: int, seed: int) -> ImageDataset:
    """Images of n moons, each with a phase drawn uniformly between new (0) and full (1).

    The phase counts half a cycle, the waxing one: 0 is new (nothing is lit), 1/2 is the half moon
    whose right half is lit, 1 is full. The light only grows with it, so an image determines its
    phase. The same seed gives the same moons.

    Args:
        n: how many.
        seed: of the generator that draws the phases.

    Returns:
        `.images` (n, 1, 28, 28) float32 in [0, 1], the share of each pixel that is lit, and
        `.labels` (n,) float32 in [0, 1), the phases.

    Raises:
        ValueError: if n is no integer of 1 or more, or the seed is none.

    Source:
        Meeus, Astronomical Algorithms, chapter 48: the lit fraction of the disc.
    """
    n = integer("n", n)
    generator = torch.Generator("cpu").manual_seed(random_seed(seed))
    phase = torch.rand(n, generator=generator, dtype=torch.float32, device="cpu")
    return ImageDataset(render(phase), phase)


def render(phase: Tensor) -> Tensor:
    """Draw moons of given phases, (n,) in [0, 1] from new to full: (n, 1, 28, 28) float32.

    On the line at height y of a disc of radius 1, light reaches from the terminator at
    cos(pi phase) sqrt(1 - y^2) to the limb at sqrt(1 - y^2). Each row of pixels averages 16 such
    lines, and on a line the lit share of a pixel is exact.

    Raises:
        ValueError: if the phases are not such a tensor.
    """
    if phase.ndim != 1 or len(phase) == 0:
        raise ValueError(f"wanted phases of shape (n,), got {tuple(phase.shape)}")
    if not ((phase >= 0) & (phase <= 1)).all():
        raise ValueError(f"wanted phases in [0, 1], got {phase.min():g} to {phase.max():g}")
    # In parts, for lines take 16 times the memory of images; on the CPU, which has float64.
    return torch.cat([_render(part) for part in phase.cpu().split(500)]).to(phase.device)


def _render(phase: Tensor) -> Tensor:
    like = {"dtype": torch.float64, "device": "cpu"}
    y = ((torch.arange(SIDE * LINES, **like) + 0.5) / LINES - SIDE / 2) / RADIUS
    limb = RADIUS * (1 - y.square()).clamp(min=0).sqrt()  # (lines,), pixels from the centre
    terminator = torch.cos(math.pi * phase.double())[:, None] * limb  # (n, lines)
    edge = torch.arange(SIDE, **like) - SIDE / 2  # left edge of each pixel
    right = (limb[:, None] - edge).clamp(0, 1)  # (lines, 28): what lies left of the limb
    left = (terminator[..., None] - edge).clamp(0, 1)  # (n, lines, 28): left of the terminator
    lit = (right - left).view(len(phase), SIDE, LINES, SIDE).mean(2)
    return lit.clamp(0, 1).float().unsqueeze(1)
