"""How to measure the holes of a latent space: where no data is near, and what is decoded there."""

import torch
from torch import Tensor

from vaelib.checks import integer, number

PAIRS_AT_ONCE = 4_000_000  # distances held in memory at a time


def bounding_box(codes: Tensor) -> Tensor:
    """The smallest box that holds all codes: (N, D) -> (2, D), its lowest and highest corner.

    Raises:
        ValueError: if the codes are not (N, D) finite numbers, or there are none.
    """
    _check_codes(codes)
    return torch.stack([codes.amin(0), codes.amax(0)])


def box_grid(box: Tensor, side: int) -> Tensor:
    """The centres of side^D equal cells that tile a box: (2, D) -> (side^D, D).

    Averages over them are averages over the box's area. The last coordinate runs fastest.

    Raises:
        ValueError: if the box is not two corners, the lower one first, or side is below 1.
    """
    low, high = _corners(box)
    side = integer("side", side)
    centres = (torch.arange(side, dtype=box.dtype, device=box.device) + 0.5) / side
    units = torch.cartesian_prod(*[centres] * box.shape[1]).view(-1, box.shape[1])
    return low + (high - low) * units


def uniform_codes(box: Tensor, num_samples: int, generator=None) -> Tensor:
    """Draws from the uniform distribution over a box: (2, D) -> (num_samples, D).

    Raises:
        ValueError: if the box is not two corners, the lower one first, or num_samples is below 1.
    """
    low, high = _corners(box)
    shape = (integer("num_samples", num_samples), box.shape[1])
    units = torch.rand(shape, generator=generator, dtype=box.dtype, device=box.device)
    return low + (high - low) * units


def gaussian_codes(codes: Tensor, num_samples: int, generator=None) -> Tensor:
    """Draws from the Gaussian with the codes' mean and covariance: (N, D) -> (num_samples, D).

    Raises:
        ValueError: if the codes are not (N, D) finite numbers, lie in a subspace (so that they
            have no covariance that can be inverted), or num_samples is below 1.
    """
    _check_codes(codes)
    shape = (integer("num_samples", num_samples), codes.shape[1])
    centred = codes - codes.mean(0)
    factor, failed = torch.linalg.cholesky_ex(centred.T @ centred / len(codes))
    if failed:
        raise ValueError(f"wanted codes that fill their {codes.shape[1]} dimensions, got flat ones")
    eps = torch.randn(shape, generator=generator, dtype=codes.dtype, device=codes.device)
    return codes.mean(0) + eps @ factor.T


@torch.no_grad()
def nearest_distance(queries: Tensor, references: Tensor) -> Tensor:
    """Euclidean distance of each query to its nearest reference: (N, ...), (M, ...) -> (N,).

    The nearest is found with the expanded square, which is fast; its distance is then taken from
    the difference, which is exact where the two are close or equal.

    Args:
        queries: images or codes; all axes but the first are flattened.
        references: as many numbers each, of the same dtype.

    Raises:
        ValueError: if there are none, their sizes differ, or a number is not finite.
    """
    queries, references = _rows("queries", queries), _rows("references", references)
    if queries.shape[1] != references.shape[1] or queries.dtype != references.dtype:
        raise ValueError(
            f"wanted queries and references of one size and dtype, got {queries.shape[1]} numbers "
            f"of {queries.dtype} and {references.shape[1]} of {references.dtype}"
        )
    centre = references.mean(0)  # distances do not change, rounding errors get smaller
    references = references - centre
    half_squares = references.square().sum(1) / 2  # (M,)
    distances = []
    for batch in (queries - centre).split(max(1, PAIRS_AT_ONCE // len(references))):
        nearest = torch.addmm(half_squares, batch, references.T, alpha=-1).argmin(1)
        distances.append((batch - references[nearest]).norm(dim=1))
    return torch.cat(distances)


def empty_fraction(points: Tensor, codes: Tensor, radius: float) -> float:
    """The share of points that have no code within a radius: (M, D), (N, D) -> a number in [0, 1].

    With the points of `box_grid` it is a share of the box's area; with draws from a distribution,
    the probability that a draw falls into a hole.

    Raises:
        ValueError: if the radius is not above 0, or points and codes do not fit each other.
    """
    radius = number("radius", radius, "above 0", lambda x: x > 0)
    return (nearest_distance(points, codes) > radius).double().mean().item()


@torch.no_grad()
def confidence(classifier, images: Tensor) -> Tensor:
    """The highest class probability that a classifier gives each image: (B, ...) -> (B,).

    Args:
        classifier: a function from images to logits, (B, classes).
        images: what it takes.

    Raises:
        ValueError: if it does not answer with two or more finite logits an image.
    """
    logits = classifier(images)
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        raise ValueError(
            f"wanted logits of shape ({len(images)}, 2 or more classes), got {tuple(logits.shape)}"
        )
    if not logits.isfinite().all():
        raise ValueError("wanted finite logits, got some that are not")
    return logits.softmax(1).amax(1)


def _corners(box: Tensor) -> Tensor:
    if box.ndim != 2 or len(box) != 2 or not (box[0] < box[1]).all():
        raise ValueError(f"wanted a box (2, D), its lower corner first, got {box.tolist()}")
    return box


def _check_codes(codes: Tensor) -> None:
    if codes.ndim != 2:
        raise ValueError(f"wanted codes of shape (N, D), got {tuple(codes.shape)}")
    _rows("codes", codes)


def _rows(name: str, points: Tensor) -> Tensor:
    """Points as one row each, (N, ...) -> (N, D), after a look at what they are."""
    if points.ndim < 2 or points.numel() == 0 or not points.is_floating_point():
        shape = f"{tuple(points.shape)} {points.dtype}"
        raise ValueError(f"wanted {name} as floating-point numbers (N, ...), got {shape}")
    if not points.isfinite().all():
        raise ValueError(f"wanted finite {name}, got some that are not")
    return points.flatten(1)
