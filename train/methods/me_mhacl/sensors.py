"""Which modalities a window has: those that are there, less those that training hides."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Sensors(nn.Module):
    """Windows (B, C, T) → the same without NaN, and which of M modalities are there, (B, M) of bool.

    A modality is there if none of its samples is NaN. One that is not gives zeros, the mean of standardised
    signals. In training each that is there is hidden with the chance ``hidden``, but never all.
    """

    def __init__(self, rows: Mapping[str, slice], hidden: float):
        super().__init__()
        self.modalities = tuple(rows)
        self.sizes = [part.stop - part.start for part in rows.values()]
        self.hidden = hidden

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Filled windows (B, C, T) and presence (B, M); what training hides is filled too."""
        filled, there = self.masked(windows)
        hides = self.training and self.hidden
        return self._zeros_but(there, filled) if hides else filled, there

    def masked(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, C, T) filled where samples are missing, and presence (B, M), less what training hides.

        For an encoder that leaves out by itself what is not there: were hidden rows zeros, the statistics of its
        batch norms would be those of zeros.
        """
        lost = windows.isnan().any(dim=2)  # (B, C)
        there = torch.stack([~part.any(dim=1) for part in torch.split(lost, self.sizes, dim=1)], dim=1)  # (B, M)
        filled = self._zeros_but(there, windows)
        return filled, self._less(there) if self.training and self.hidden else there

    def _zeros_but(self, there: Tensor, windows: Tensor) -> Tensor:
        rows = torch.cat(
            [there[:, place : place + 1].expand(-1, size) for place, size in enumerate(self.sizes)], 1
        )  # (B, C)
        return torch.where(rows.unsqueeze(2), windows, torch.zeros_like(windows))

    def _less(self, there: Tensor) -> Tensor:
        kept = there & (torch.rand(there.shape, device=there.device) >= self.hidden)
        return torch.where(kept.any(dim=1, keepdim=True), kept, there)
