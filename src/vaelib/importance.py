"""Importance weights without end: their mean and its error, kept as logarithms."""

import math

import torch
from torch import Tensor


class Weights:
    """Mean and spread of importance weights that come as logarithms, a part at a time.

    Both are kept relative to the largest weight so far, and the spread as a sum of squared
    deviations: from sums of w and w^2 nothing would be left of it where the weights are nearly
    equal, or their logarithms large.

    Source:
        Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample
        Variances, 1979: equation 2.1.
    """

    def __init__(self):
        self.count = 0

    def add(self, log_weights: Tensor) -> None:
        """Take in K more weights of each image, (K, B)."""
        count = len(log_weights)
        top = log_weights.amax(0).clamp(min=torch.finfo(log_weights.dtype).min)  # of a weight of 0
        weights = (log_weights - top).exp()
        mean = weights.mean(0)
        squares = (weights - mean).square().sum(0)
        if self.count:
            highest = torch.maximum(self.top, top)
            mean, squares = mean * (top - highest).exp(), squares * (2 * (top - highest)).exp()
            old = (self.top - highest).exp()
            step = mean - self.mean * old
            total = self.count + count
            mean = self.mean * old + step * (count / total)
            squares = self.squares * old.square() + squares
            squares = squares + step.square() * (self.count * count / total)
            top = highest
        self.top, self.mean, self.squares, self.count = top, mean, squares, self.count + count

    def log_mean(self) -> Tensor:
        """The logarithm of their mean, (B,)."""
        return self.top + self.mean.log()

    def error(self) -> Tensor:
        """The standard error of `log_mean`, by the delta method, (B,): NaN for one weight."""
        if self.count == 1:
            return torch.full_like(self.mean, math.nan)
        return (self.squares / (self.count - 1) / self.count).sqrt() / self.mean
