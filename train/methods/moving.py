"""Small tensors from the host to where they are needed, without making the host wait."""

import torch
from torch import Tensor


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return ``tensor`` on ``device``.

    A GPU takes pageable memory only after all that it was told before; from pinned memory it fetches by itself,
    and the host goes on.
    """
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
