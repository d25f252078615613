"""Plans a study: its work and its estimated time, before anything runs."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PretrainedConfig

from pkd.data.preparation import Prepared
from pkd.distillation.layer_map import layer_map
from pkd.distillation.methods import METHODS
from pkd.errors import InputError
from pkd.files.atomic import map_array
from pkd.models.encoder import parameter_counts
from pkd.models.start_layers import check_depth, start_layers
from pkd.runtime.devices import default_device, resolve_precision
from study.config.study_config import StudyConfig
from study.planning.teacher_models import Teachers
from study.search.budget import ASHA_SHARE
from study.search.samplers import dimensions, grid

# Share of the measured matmul rate that a whole training step reaches (order of magnitude).
_EFFICIENCY = 0.25


@dataclass(frozen=True)
class Plan:
    """The work of a study.

    Attributes:
        config: the study's configuration.
        tasks: the prepared tasks, by name.
        encoder: configuration of the pre-trained encoder that students start from.
        parameters: its parameter counts, see `pkd.models.encoder.parameter_counts`.
        teachers: the teachers.
        teacher_parameters: their parameter counts.
        new_heads: the tasks whose models start from a classifier with other labels, without its
            head.
    """

    config: StudyConfig
    tasks: dict[str, Prepared]
    encoder: PretrainedConfig
    parameters: dict[str, int]
    teachers: Teachers
    teacher_parameters: dict[str, int]
    new_heads: frozenset[str] = frozenset()

    @property
    def teacher_layers(self) -> int:
        """Number of layers of the teachers."""
        return int(self.teachers.config.num_hidden_layers)

    @property
    def cells(self) -> list[tuple[str, int, str]]:
        """(task, depth, method) of every student cell."""
        config = self.config
        return [(t, d, m) for t in self.tasks for d in config.depths for m in config.methods]

    def trials(self, method: str) -> int:
        """Returns the number of search trials of a method's cells."""
        search = self.config.search
        if search.algorithm != "grid":
            return search.trials
        # The number of grid points does not depend on the inherited values.
        inherited = {"temperature": 1.0, "alpha": 0.0} if self.inherits(method) else {}
        return len(grid(dimensions(search.space, METHODS[method].hyperparameters, inherited)))

    def inherits(self, method: str) -> bool:
        """Whether a method's cells inherit temperature and alpha from their KD cells."""
        return self.config.search.inherit_from_kd and METHODS[method].extends_kd

    def layers_needed(self) -> tuple[int, ...]:
        """Returns the teacher layers that the students' layer maps need."""
        layers: set[int] = set()
        for depth in self.config.depths:
            for method in self.config.methods:
                if (strategy := METHODS[method].layer_strategy) is not None:
                    layers |= set(layer_map(strategy, self.teacher_layers, depth))
        return tuple(sorted(layers))

    def epoch_flops(self, task: str, depth: int) -> float:
        """Returns the floating-point operations of an epoch of a student, with its evaluation."""
        per_layer = 2 * self.parameters["layers"] / int(self.encoder.num_hidden_layers)
        prepared = self.tasks[task]
        return _epoch(prepared, prepared.distilled, per_layer * depth)

    def teacher_flops(self, task: str) -> float:
        """Returns the floating-point operations of an epoch of a teacher, with its evaluation."""
        prepared = self.teachers.tasks[task]
        return _epoch(prepared, prepared.train, 2 * self.teacher_parameters["layers"])

    def ensemble(self, task: str) -> int:
        """Returns the number of teachers that a task's students learn from."""
        if self.teachers.given:
            return 1 + len(self.teachers.other_members.get(task, ()))
        return self.config.teacher.ensemble

    def signal_flops(self, task: str) -> float:
        """Returns the floating-point operations of one teacher's signals of a task.

        All teachers of an ensemble are taken to be of the first one's size.
        """
        rows = self.teachers.tasks[task].distilled
        return 2 * self.teacher_parameters["layers"] * _tokens(rows)

    def stage_work(self) -> dict[str, float]:
        """Returns an upper estimate of each stage's floating-point operations."""
        config = self.config
        teachers = 0 if self.teachers.given else config.teacher.trials * config.teacher.epochs
        confirm = config.confirm.seeds * config.train.epochs
        work = dict.fromkeys(("teachers", "signals", "search", "confirm", "predict"), 0.0)
        for task, prepared in self.tasks.items():
            work["teachers"] += teachers * self.teacher_flops(task)
            work["signals"] += self.ensemble(task) * self.signal_flops(task)
            test = sum(_tokens(prepared.tokens[split]) for split in prepared.task.predicted)
            work["predict"] += test * 2 * self.parameters["layers"]
        for task, depth, method in self.cells:
            epoch = self.epoch_flops(task, depth)
            work["search"] += self.trials(method) * config.train.epochs * epoch
            work["confirm"] += confirm * epoch
        return work

    def expected_work(self) -> dict[str, float]:
        """Returns the same without what ASHA saves."""
        work = self.stage_work()
        if self.config.search.asha is not None:
            work["search"] *= ASHA_SHARE
        return work

    def operations(self) -> float:
        """Estimates the study's floating-point operations."""
        return sum(self.expected_work().values())

    def seconds(self) -> float:
        """Estimates the study's seconds on this machine, from its matmul rate measured now."""
        return self.operations() / (_EFFICIENCY * _matmul_rate(self.config.train.precision))


def make_plan(
    config: StudyConfig,
    tasks: dict[str, Prepared],
    encoder: PretrainedConfig,
    teachers: Teachers,
    new_heads: frozenset[str] = frozenset(),
) -> Plan:
    """Makes a plan from the study's inputs; counts the models' parameters."""
    counts = parameter_counts(encoder), parameter_counts(teachers.config)
    return Plan(config, tasks, encoder, counts[0], teachers, counts[1], new_heads)


def check_depths(
    config: StudyConfig, encoder: PretrainedConfig, teacher: PretrainedConfig
) -> None:
    """Checks that depths and layer maps fit the teachers and the encoder that students start from.

    Raises:
        InputError: naming the depth or the method that does not fit.
    """
    teacher_layers = int(teacher.num_hidden_layers)
    start = teacher if config.train.init == "teacher" else encoder
    for depth in config.depths:
        _check_depth(teacher_layers, depth)
        # A student may have all layers of an encoder if its teacher is deeper.
        start_layers(config.train.start(depth), int(start.num_hidden_layers), depth)
        for method in config.methods:
            if (strategy := METHODS[method].layer_strategy) is not None:
                layer_map(strategy, teacher_layers, depth)


def _check_depth(teacher_layers: int, depth: int) -> None:
    try:
        check_depth(teacher_layers, depth)
    except InputError as error:
        smaller = {teacher_layers // 2, max(2, teacher_layers // 4)}
        fitting = [str(each) for each in sorted(smaller, reverse=True) if each < teacher_layers]
        raise InputError(f"{error}. Choose other ones: --set depths={','.join(fitting)}") from None


def _epoch(prepared: Prepared, rows: Path, per_token: float) -> float:
    dev = sum(_tokens(prepared.tokens[split]) for split in prepared.task.dev)
    return per_token * (3 * _tokens(rows) + dev)


def _tokens(folder: Path) -> int:
    return int(map_array(folder / "offsets.npy")[-1])


def _matmul_rate(precision: str) -> float:
    """Measures the floating-point operations per second of a matrix multiplication."""
    device = default_device()
    bf16 = resolve_precision(precision, device) == "bf16"
    matrix = torch.randn(
        1024, 1024, device=device, dtype=torch.bfloat16 if bf16 else torch.float32
    )
    with torch.inference_mode():
        float((matrix @ matrix)[0, 0])
        started, count = time.perf_counter(), 0
        while count < 4 or time.perf_counter() - started < 0.2:
            float((matrix @ matrix)[0, 0])
            count += 1
        return count * 2 * 1024**3 / (time.perf_counter() - started)
