"""Student states in the teacher's width, where the two differ: learnt with the student.

The paper's students are cut from their teachers and need none of this. One linear map for each
matched pair of layers, as in the distillation of BERT into other widths; it is dropped at the end.
"""

import torch
from torch import Tensor, nn


class Projection(nn.Module):
    """A linear map for each matched pair of layers.

    Args:
        pairs: how many pairs.
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
        """(batch, pairs, student's width) to (batch, pairs, teacher's width), in fp32."""
        projected = [each(states[:, pair].float()) for pair, each in enumerate(self.maps)]
        return torch.stack(projected, dim=1)
