"""The contrastive loss (equations 9-12) over the two homologous groups of every clip."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from memhacl.train.methods.contract import Outcome


def nt_xent(groups: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy, two scalars, of group vectors (2, P, H).

    Each of the 2P vectors must find its homologue among all others by cosine: its negatives are the 2(P-1)
    vectors of other clips. The accuracy is the share that do; by chance it is 1 / (2P-1).
    """
    clips = groups.shape[1]
    vectors = normalize(groups.flatten(0, 1), dim=1)  # (2, P, H) -> (2P, H)
    similarity = vectors @ vectors.T / temperature  # (2P, 2P)
    itself = torch.eye(2 * clips, dtype=torch.bool, device=groups.device)
    similarity = similarity.masked_fill(itself, -torch.inf)
    homologue = torch.arange(2 * clips, device=groups.device).roll(
        clips
    )  # A's is in B at the same place, and back
    found = similarity.argmax(dim=1) == homologue
    return cross_entropy(similarity, homologue), found.float().mean()


class GroupContrast(nn.Module):
    """Embeddings (2, P, Q, features) → the loss of their groups, by a projector that pretraining discards."""

    def __init__(self, projector: nn.Module, temperature: float):
        super().__init__()
        self.projector = projector
        self.temperature = temperature

    def forward(self, embeddings: Tensor) -> Outcome:
        """Outcome of embeddings (2, P, Q, features) with the metric ``accuracy``."""
        groups = self.projector(embeddings.flatten(0, 1))  # (2P, Q, features) -> (2P, H)
        loss, accuracy = nt_xent(groups.unflatten(0, embeddings.shape[:2]), self.temperature)  # (2, P, H)
        return Outcome(loss, {"accuracy": accuracy.item()})
