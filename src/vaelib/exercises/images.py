"""Checks of the chapter on autoencoders: what is measured of images."""

import torch

from vaelib.exercises.comparing import Exercise, normal


def _squares(images, others):
    return (images[:, None] - others).square().sum(-1)  # (B, N)


NEAREST = Exercise(
    reference=lambda images, others: _squares(images, others).amin(1).sqrt(),
    cases=lambda: [
        (normal(4, 6, seed=71), normal(7, 6, seed=72)),
        (normal(3, 5, seed=73), normal(2, 5, seed=74) + 1),
    ],
    mistakes={
        "the root is missing: these are squared distances.": lambda a, b: _squares(a, b).amin(1),
        "it runs over the wrong images: one number for each of the first.": lambda a, b: (
            _squares(a, b).amin(0).sqrt()
        ),
        "this is the distance to the farthest: take the smallest.": lambda a, b: (
            _squares(a, b).amax(1).sqrt()
        ),
        "this is the mean distance: take the smallest.": lambda a, b: _squares(a, b).sqrt().mean(1),
        "the squares are averaged over the pixels: sum them.": lambda a, b: (
            (_squares(a, b) / a.shape[1]).amin(1).sqrt()
        ),
        "these are sums of absolute differences, not lengths.": lambda a, b: (
            (a[:, None] - b).abs().sum(-1).amin(1)
        ),
        "these are the places of the nearest, not how far they are.": lambda a, b: _squares(
            a, b
        ).argmin(1),
        "these are all distances: take the smallest of each row.": lambda a, b: _squares(
            a, b
        ).sqrt(),
        "this is the smallest over all: give one number for each of the first.": lambda a, b: (
            _squares(a, b).amin().sqrt()
        ),
        "the expanded square lacks its factor 2 before the product.": lambda a, b: (
            ((a**2).sum(1)[:, None] - a @ b.T + (b**2).sum(1)).amin(1).clamp(min=0).sqrt()
        ),
    },
)


def check_nearest_distance(function):
    """Check a function's distance to the nearest image: (B, P), (N, P) -> (B,)."""
    return NEAREST.check(function)


CONFIDENCE = Exercise(
    reference=lambda logits: logits.softmax(-1).amax(-1),
    cases=lambda: [(normal(4, 10, seed=75),), (3 * normal(6, 3, seed=76),)],
    mistakes={
        "this is the largest logit: softmax makes probabilities of them.": lambda a: a.amax(-1),
        "softmax runs over the images: it runs over the classes.": lambda a: a.softmax(0).amax(-1),
        "sigmoid looks at each class alone: by softmax, the probabilities sum to 1.": lambda a: (
            a.sigmoid().amax(-1)
        ),
        "this is the logarithm of the probability.": lambda a: a.log_softmax(-1).amax(-1),
        "this is the class, not how sure it is.": lambda a: a.argmax(-1),
        "the largest is taken over the images: take it over the classes.": lambda a: a.softmax(
            -1
        ).amax(0),
        "these are all probabilities: take the largest of each image.": lambda a: a.softmax(-1),
        "this is the mean probability, which is one over the classes.": lambda a: a.softmax(
            -1
        ).mean(-1),
        "the logits are divided by their sum: exp comes first.": lambda a: (
            a / a.sum(-1, keepdim=True)
        ).amax(-1),
    },
)


def check_confidence(function):
    """Check a function's largest class probability: logits (B, classes) -> (B,)."""
    return CONFIDENCE.check(function)


def _spread(images):
    """Eigenvalues of the covariance, the smallest first."""
    centred = images - images.mean(0)
    return torch.linalg.eigvalsh(centred.T @ centred / len(images))


def _uncentred(images):
    return torch.linalg.eigvalsh(images.T @ images / len(images))


PCA = Exercise(
    reference=lambda images, latent_dim: _spread(images)[:-latent_dim].sum(),
    cases=lambda: [(normal(9, 5, seed=77) + 1, 2), (normal(12, 4, seed=78) * 3 - 2, 1)],
    mistakes={
        "these are the directions that are kept: the error is the others' variance.": lambda x, d: (
            _spread(x)[-d:].sum()
        ),
        "the largest are left in: eigenvalues rise, the first ones are the error.": lambda x, d: (
            _spread(x)[d:].sum()
        ),
        "the mean image is not subtracted.": lambda x, d: _uncentred(x)[:-d].sum(),
        "N - 1 divides: the mean over the images has N.": lambda x, d: (
            _spread(x)[:-d].sum() * len(x) / (len(x) - 1)
        ),
        "it is averaged over the pixels: sum them.": lambda x, d: (
            _spread(x)[:-d].sum() / x.shape[1]
        ),
        "it is summed over the images: average.": lambda x, d: _spread(x)[:-d].sum() * len(x),
        "this is all of the variance, as if nothing were kept.": lambda x, d: (
            _spread(x).sum() + 0 * d
        ),
        "singular values are not squared.": lambda x, d: (
            torch.linalg.svdvals(x - x.mean(0))[d:].sum() / len(x)
        ),
    },
)


def check_pca_error(function):
    """Check a function's mean squared error of PCA: images (N, P), D -> one number.

    The squared error is summed over the P values and averaged over the N images.
    """
    return PCA.check(function)
