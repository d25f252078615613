"""Projects a student's states to the teacher's width where the widths differ.

The paper's students have their teachers' width and need no projection. There is one linear map per
matched pair of layers, trained with the student and dropped at the end.
"""

import torch
from torch import Tensor, nn


class Projection(nn.Module):
    """A linear map for each matched pair of layers.

    Args:
        pairs: number of pairs.
        student: width of the student's states.
        teacher: width of the teacher's.
        seed: draws the first weights; the global generators are left as they were.
    """

    def __init__(self, pairs: int, student: int, teacher: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.maps = nn.ModuleList(nn.Linear(student, teacher) for _ in range(pairs))

    def forward(self, states: Tensor) -> Tensor:
        """Maps (batch, pairs, student width) to (batch, pairs, teacher width), in fp32."""
        projected = [each(states[:, pair].float()) for pair, each in enumerate(self.maps)]
        return torch.stack(projected, dim=1)
