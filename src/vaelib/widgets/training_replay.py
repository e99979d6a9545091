"""A training run to scrub through: the latent map organises itself while the losses move along."""

import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.training import History
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import check_labels, draw_cloud, extent_of
from vaelib.widgets.traits import Whole

CURVES = ("−ELBO", "reconstruction loss", "KL")


class TrainingReplay(Widget):
    """The latent map after each epoch of a run, coloured by label, beside the loss curves.

    `vaelib.fit(..., after_epoch=...)` collects the means while it trains.

    Traits:
        epoch: what is shown, from 0 (before training) to the number of epochs.

    Args:
        history: of the run.
        means: (E, N, 2), the means of N images before training and after each of E - 1 epochs; a
            tensor or a list of tensors. They are kept in float16.
        labels: (N,) integers of 0 to 255.

    Raises:
        ValueError: if the means are not finite and of this shape, with one entry more than the
            history has epochs, or the labels do not fit.
    """

    source = "training_replay.js"
    epoch = Whole(0).tag(sync=True)
    extent = traitlets.Dict().tag(sync=True)
    means = traitlets.Bytes().tag(sync=True)
    labels = traitlets.Bytes().tag(sync=True)
    losses = traitlets.Dict().tag(sync=True)

    def __init__(self, history: History, means: Tensor | list[Tensor], labels: Tensor):
        means = _checked(means, len(history.train))
        check_labels(labels, means.shape[1])
        self._means, self._labels = means, labels.cpu()
        super().__init__(
            extent=extent_of(means.flatten(0, 1)),
            means=means.numpy().astype("<f2").tobytes(),
            labels=labels.cpu().to(torch.uint8).numpy().tobytes(),
            losses={"train": _curves(history.train), "test": _curves(history.test)},
            epoch=len(means) - 1,
        )

    @traitlets.validate("epoch")
    def _check_epoch(self, proposal):
        if not 0 <= proposal.value < len(self._means):
            raise ValueError(f"wanted epoch from 0 to {len(self._means) - 1}, got {proposal.value}")
        return proposal.value

    def still(self):
        """The map after the epoch and, beside it, the three curves with the epoch marked."""
        fig, axes = plots.figure(1, 2, width=7, height=4.2, gridspec_kw={"width_ratios": [3, 2]})
        left = axes[0]
        draw_cloud(left, self._means[self.epoch], self._labels)
        box = self.extent
        left.set(xlim=(box["left"], box["right"]), ylim=(box["bottom"], box["top"]))
        last = len(self._means) - 1
        left.set_title(f"epoch {self.epoch} of {last}")
        for index, name in enumerate(CURVES):
            for part, style in (("train", "--"), ("test", "-")):
                values = self.losses[part][index]
                axes[1].plot(
                    range(1, len(values) + 1), values, style, color=plots.PALETTE[index], label=name
                )
        axes[1].axvline(self.epoch, color="black", lw=1)
        axes[1].set(xlabel="epoch", title="nats per image")
        axes[1].legend(*_first_of_each(axes[1]), loc="center right")
        alt = (
            f"The latent map of {len(self._labels)} images after epoch {self.epoch} of {last} of a "
            "training run, coloured by label, beside the curves of its losses."
        )
        return fig, alt


def _checked(means, epochs: int) -> Tensor:
    try:
        stacked = torch.as_tensor(means) if isinstance(means, Tensor) else torch.stack([*means])
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"wanted means as a tensor (E, N, 2) or a list of tensors (N, 2): {error}"
        ) from error
    stacked = stacked.detach().cpu().float()
    if stacked.ndim != 3 or stacked.shape[2] != 2 or 0 in stacked.shape:
        raise ValueError(f"wanted means of shape (E, N, 2), got {tuple(stacked.shape)}")
    if epochs < 1 or len(stacked) != epochs + 1:
        raise ValueError(
            "wanted means before training and after each of 1 or more epochs, got "
            f"{len(stacked)} of them and a history of {epochs} epochs"
        )
    halves = stacked.half()
    if not halves.isfinite().all():
        raise ValueError("wanted means that are finite and at most 65504 in size, got others")
    return halves.float()


def _curves(terms) -> list[list[float]]:
    """What is drawn of the terms of each epoch: the three curves, in nats."""
    rows = [[-term.elbo, -term.reconstruction, term.kl] for term in terms]
    return [[round(value, 2) for value in curve] for curve in zip(*rows, strict=True)] or [[]] * 3


def _first_of_each(ax):
    handles, names = ax.get_legend_handles_labels()
    first = {name: handle for handle, name in reversed([*zip(handles, names, strict=True)])}
    return [first[name] for name in CURVES], CURVES
