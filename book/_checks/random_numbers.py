"""Random numbers that the checks share: the same on each run, in float64."""

import torch


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(*shape: int, seed: int = 0) -> torch.Tensor:
    """Numbers between 0.02 and 0.98."""
    generator = torch.Generator().manual_seed(seed)
    return 0.02 + 0.96 * torch.rand(*shape, generator=generator, dtype=torch.float64)
