"""Where a loss is lowest, found by a numerical optimiser, as an oracle of formulas that say so."""

import torch


def lowest(parameters: list[torch.Tensor], loss) -> float:
    """The lowest value of a loss, by L-BFGS; the parameters are moved to where it is."""
    parameters = [p.requires_grad_() for p in parameters]
    optimizer = torch.optim.LBFGS(
        parameters, 1, 1000, 2000, 1e-11, 1e-15, 50, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        value = loss(*parameters)
        value.backward()
        return value

    optimizer.step(closure)
    return closure().item()
