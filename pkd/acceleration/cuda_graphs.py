"""Training steps replayed as CUDA graphs.

A step of a small student launches a thousand kernels, and most take less time than Python needs
to launch one: a fast GPU waits nine tenths of the time. A CUDA graph launches them all at once. It
is bound to the shapes that it was captured with. Batches have few different widths, so a few
graphs suffice.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pkd.runtime.garbage_collection import no_garbage_collection

Step = Callable[[Tensor, int], tuple[Tensor, Tensor]]


class StepGraphs:
    """Graphs of training steps, one per shape.

    The first step of each shape must run without a graph: CUDA requires that libraries are loaded
    and the optimiser has its state before it captures.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._seen: set[tuple[int, int]] = set()
        self._graphs: dict[
            tuple[int, int], tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, Tensor]]
        ] = {}

    def has_seen(self, rows: int, width: int) -> bool:
        """Returns whether a step of this shape has been seen before, and remembers the shape."""
        known = (rows, width) in self._seen
        self._seen.add((rows, width))
        return known

    def __call__(self, step: Step, index: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Runs a step as a graph; the next step of this shape overwrites the returned tensors.

        Args:
            step: the function to capture, the same in every call: it takes row numbers on the
                device and a width, and returns two tensors. It must neither wait for the device
                nor keep a state on the CPU that changes from step to step. (No reference to it is
                kept: the graphs would keep their owner alive.)
            index: (batch,) row numbers on the device.
            width: tokens of the longest row, or more.
        """
        shape = (len(index), width)
        if shape not in self._graphs:
            self._graphs[shape] = self._capture(step, *shape)
        graph, rows, outputs = self._graphs[shape]
        rows.copy_(index)
        graph.replay()
        return outputs

    def _capture(
        self, step: Step, rows: int, width: int
    ) -> tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, Tensor]]:
        graph = torch.cuda.CUDAGraph()
        index = torch.zeros(rows, dtype=torch.int64, device=self._device)
        # Other threads of the process, for example Ray's, may still call CUDA.
        capture = torch.cuda.graph(graph, self._pool, self._stream, "thread_local")
        try:
            # Freeing an unused graph would break the capture.
            with no_garbage_collection(), capture:
                outputs = step(index, width)
        except BaseException:
            _end_capture_of_generator(self._device)
            raise
        return graph, index, outputs


def _end_capture_of_generator(device: torch.device) -> None:
    """Makes the device's generator usable: after a failed capture it still thinks it captures."""
    torch.cuda.synchronize(device)
    generator = torch.cuda.default_generators[device.index or torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
