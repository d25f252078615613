"""Training steps replayed as CUDA graphs.

A step of a small student is a thousand kernels, most of them shorter than the time that Python
takes to launch one: a fast GPU waits for nine tenths of the time. A graph launches them all at
once. It is bound to the shapes that it was recorded with; batches come in few widths, so a few
graphs serve.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pkd.runtime.garbage_collection import no_garbage_collection

Step = Callable[[Tensor, int], tuple[Tensor, Tensor]]


class StepGraphs:
    """Steps of every shape that has come before, as graphs.

    The first step of a shape has to be run as it is: libraries load then, the optimiser makes its
    state. CUDA asks for that before it can record.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._met: set[tuple[int, int]] = set()
        self._graphs: dict[
            tuple[int, int], tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, Tensor]]
        ] = {}

    def meet(self, rows: int, width: int) -> bool:
        """Whether a step of this shape was met before; it counts as met from now on."""
        known = (rows, width) in self._met
        self._met.add((rows, width))
        return known

    def __call__(self, step: Step, index: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Does a step; what it gives is overwritten by the next one.

        Args:
            step: what to record, always the same: called with row numbers on the device and a
                width, gives two tensors. It must neither wait for the device nor keep anything on
                the CPU that changes from step to step. (Not kept here: whoever owns the graphs
                would be kept alive by them.)
            index: (batch,) row numbers on the device.
            width: tokens of the longest row, or more.
        """
        shape = (len(index), width)
        if shape not in self._graphs:
            self._graphs[shape] = self._record(step, *shape)
        graph, rows, outputs = self._graphs[shape]
        rows.copy_(index)
        graph.replay()
        return outputs

    def _record(
        self, step: Step, rows: int, width: int
    ) -> tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, Tensor]]:
        graph = torch.cuda.CUDAGraph()
        index = torch.zeros(rows, dtype=torch.int64, device=self._device)
        # Other threads of the process, Ray's for example, may go on calling CUDA.
        recording = torch.cuda.graph(graph, self._pool, self._stream, "thread_local")
        try:
            # Freeing a dead graph would break the recording.
            with no_garbage_collection(), recording:
                outputs = step(index, width)
        except BaseException:
            _forget_recording(self._device)
            raise
        return graph, index, outputs


def _forget_recording(device: torch.device) -> None:
    """Lets the device's generator draw again: one whose recording broke off believes in it."""
    torch.cuda.synchronize(device)
    generator = torch.cuda.default_generators[device.index or torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
