"""What a study will do and about what it costs, known before anything runs."""

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
from pkd.runtime.units import gigabytes
from study.config.study_config import StudyConfig
from study.planning.teacher_models import Teachers
from study.search.samplers import dimensions, grid

# Share of the measured matmul rate that a whole training step reaches, order of magnitude.
_EFFICIENCY = 0.25
# Of the epochs that ASHA could run at most, the share it does run, order of magnitude.
_ASHA_SHARE = 0.7


@dataclass(frozen=True)
class Plan:
    """The work of a study.

    Attributes:
        config: the study's configuration.
        tasks: the prepared tasks by name.
        encoder: the configuration of the pre-trained encoder that students start from.
        parameters: its parameter counts, see `pkd.models.encoder.parameter_counts`.
        teachers: what the teachers are.
        teacher_parameters: their parameter counts.
    """

    config: StudyConfig
    tasks: dict[str, Prepared]
    encoder: PretrainedConfig
    parameters: dict[str, int]
    teachers: Teachers
    teacher_parameters: dict[str, int]

    @property
    def teacher_layers(self) -> int:
        """Depth of the teachers."""
        return int(self.teachers.config.num_hidden_layers)

    @property
    def cells(self) -> list[tuple[str, int, str]]:
        """(task, depth, method) of every student cell."""
        config = self.config
        return [(t, d, m) for t in self.tasks for d in config.depths for m in config.methods]

    def trials(self, method: str) -> int:
        """Search trials of a student cell."""
        search = self.config.search
        if search.algorithm != "grid":
            return search.trials
        # Which values are inherited does not change how many points the grid has.
        inherited = {"temperature": 1.0, "alpha": 0.0} if self.inherits(method) else {}
        return len(grid(dimensions(search.space, METHODS[method].hyperparameters, inherited)))

    def inherits(self, method: str) -> bool:
        """Whether a cell takes temperature and alpha over from its KD cell."""
        return self.config.search.inherit_from_kd and METHODS[method].extends_kd

    def layers_needed(self) -> tuple[int, ...]:
        """Teacher layers that any student's map needs."""
        layers: set[int] = set()
        for depth in self.config.depths:
            for method in self.config.methods:
                if (strategy := METHODS[method].layer_strategy) is not None:
                    layers |= set(layer_map(strategy, self.teacher_layers, depth))
        return tuple(sorted(layers))

    def epoch_flops(self, task: str, depth: int) -> float:
        """Floating-point operations of one epoch of a student with its evaluation."""
        per_layer = 2 * self.parameters["layers"] / int(self.encoder.num_hidden_layers)
        prepared = self.tasks[task]
        return _epoch(prepared, prepared.distilled, per_layer * depth)

    def teacher_flops(self, task: str) -> float:
        """The same of an epoch of the teacher."""
        prepared = self.teachers.tasks[task]
        return _epoch(prepared, prepared.train, 2 * self.teacher_parameters["layers"])

    def ensemble(self, task: str) -> int:
        """How many teachers a task's students learn from."""
        if self.teachers.given:
            return 1 + len(self.teachers.further.get(task, ()))
        return self.config.teacher.ensemble

    def asking_flops(self, task: str) -> float:
        """What asking one teacher about all rows takes, were they all of the first one's size."""
        rows = self.teachers.tasks[task].distilled
        return 2 * self.teacher_parameters["layers"] * _tokens(rows)

    def stage_work(self) -> dict[str, float]:
        """Estimated operations of each stage, at most."""
        config = self.config
        teachers = 0 if self.teachers.given else config.teacher.trials * config.teacher.epochs
        confirm = config.confirm.seeds * config.train.epochs
        work = dict.fromkeys(("teachers", "signals", "search", "confirm", "predict"), 0.0)
        for task, prepared in self.tasks.items():
            work["teachers"] += teachers * self.teacher_flops(task)
            work["signals"] += self.ensemble(task) * self.asking_flops(task)
            test = sum(_tokens(prepared.tokens[split]) for split in prepared.task.predicted)
            work["predict"] += test * 2 * self.parameters["layers"]
        for task, depth, method in self.cells:
            epoch = self.epoch_flops(task, depth)
            work["search"] += self.trials(method) * config.train.epochs * epoch
            work["confirm"] += confirm * epoch
        return work

    def seconds(self) -> float:
        """Rough time on this machine, from its matmul rate measured now."""
        work = self.stage_work()
        if self.config.search.asha is not None:
            work["search"] *= _ASHA_SHARE
        return sum(work.values()) / (_EFFICIENCY * _matmul_rate(self.config.train.precision))

    def disk_bytes(self) -> int:
        """Space that the study needs at most at one time, besides tokens."""
        teacher = 4 * self.teacher_parameters["total"]
        embeddings = self.parameters["embeddings"] + self.parameters["pooler"]
        layer = self.parameters["layers"] / int(self.encoder.num_hidden_layers)
        students = 0.0
        for _, depth, _ in self.cells:
            students += 4 * (embeddings + depth * layer)
        signals = 0
        for name, prepared in self.tasks.items():
            width = 2 * len(self.layers_needed()) * self.teachers.config.hidden_size
            rows = prepared.rows[prepared.task.distilled]
            signals += rows * (width + 4 * self.ensemble(name) * len(prepared.task.labels))
        # Best weights of running and finished trials side by side, and checkpoints of what runs.
        running = 8 * 3 * teacher
        teachers = 2 * teacher * sum(map(self.ensemble, self.tasks))
        return int(teachers + 2 * students + signals + running)


def make_plan(
    config: StudyConfig,
    tasks: dict[str, Prepared],
    encoder: PretrainedConfig,
    teachers: Teachers,
) -> Plan:
    """Puts the work together and counts the models' parameters."""
    counts = parameter_counts(encoder), parameter_counts(teachers.config)
    return Plan(config, tasks, encoder, counts[0], teachers, counts[1])


def check_depths(
    config: StudyConfig, encoder: PretrainedConfig, teacher: PretrainedConfig
) -> None:
    """Checks depths and layer maps against the teachers, and the encoder that students start from.

    Raises:
        InputError: naming the depth or the method that does not fit.
    """
    teacher_layers = int(teacher.num_hidden_layers)
    start = teacher if config.train.init == "teacher" else encoder
    for depth in config.depths:
        check_depth(teacher_layers, depth)
        # All layers of a small encoder are a student of a deeper teacher.
        start_layers(config.train.start(depth), int(start.num_hidden_layers), depth)
        for method in config.methods:
            if (strategy := METHODS[method].layer_strategy) is not None:
                layer_map(strategy, teacher_layers, depth)


def check_disk(plan: Plan, out: Path, free: int) -> None:
    """Refuses a study that would fill the disk.

    Raises:
        InputError: with the estimate and the free space.
    """
    needed = plan.disk_bytes()
    if needed > free:
        raise InputError(
            f"the study needs about {gigabytes(needed)} in {out}, but {gigabytes(free)} are "
            "free: make space, choose another --out, or fewer tasks, depths or methods"
        )


def _epoch(prepared: Prepared, rows: Path, per_token: float) -> float:
    dev = sum(_tokens(prepared.tokens[split]) for split in prepared.task.dev)
    return per_token * (3 * _tokens(rows) + dev)


def _tokens(folder: Path) -> int:
    return int(map_array(folder / "offsets.npy")[-1])


def _matmul_rate(precision: str) -> float:
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
