"""The contrastive loss (equations 9-12) over the two homologous groups of every clip."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from memhacl.train.loops.distributed import gather
from memhacl.train.methods.contract import Outcome


def nt_xent(groups: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy, two scalars, of group vectors (2, P, H).

    Each of the 2P vectors must find its homologue among all others by cosine: its negatives are the 2(P-1)
    vectors of other clips. The accuracy is the share that do; by chance it is 1 / (2P-1). Vectors of half
    precision are compared in float32: divided by the temperature, cosines of bfloat16 would move in steps of 0.06.
    """
    clips = groups.shape[1]
    vectors = normalize(
        groups.flatten(0, 1).to(torch.promote_types(groups.dtype, torch.float32)), dim=1
    )  # (2P, H)
    with torch.autocast(groups.device.type, enabled=False):
        similarity = vectors @ vectors.T / temperature  # (2P, 2P)
    itself = torch.eye(2 * clips, dtype=torch.bool, device=groups.device)
    similarity = similarity.masked_fill(itself, -torch.inf)
    # A's is in B at the same place, and back
    homologue = torch.arange(2 * clips, device=groups.device).roll(clips)
    found = similarity.argmax(dim=1) == homologue
    return cross_entropy(similarity, homologue), found.float().mean()


class GroupContrast(nn.Module):
    """Embeddings (2, P, Q, features) → the loss of their groups, by a projector that pretraining discards.

    In several processes each has embeddings of some of the clips, perhaps of none, and the same loss: of all.
    """

    def __init__(self, projector: nn.Module, temperature: float):
        super().__init__()
        self.projector = projector
        self.temperature = temperature

    def forward(self, embeddings: Tensor) -> Outcome:
        """Outcome of embeddings (2, P, Q, features) with the metrics ``accuracy`` and ``chance``, of guessing."""
        groups = self.projector(embeddings.flatten(0, 1))  # (2P, Q, features) -> (2P, H)
        groups = gather(groups.unflatten(0, embeddings.shape[:2]), dim=1)  # (2, P, H), P of all processes
        loss, accuracy = nt_xent(groups, self.temperature)
        chance = accuracy.new_full((), 1 / (2 * groups.shape[1] - 1))  # each has 2P - 1 candidates
        return Outcome(loss, {"accuracy": accuracy.detach(), "chance": chance})
