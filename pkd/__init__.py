"""Patient knowledge distillation of BERT-like classifiers (Sun et al., EMNLP 2019).

Plain PyTorch and transformers: no module imports Ray, Optuna, pandas or matplotlib, so the package
runs on any machine and inside your own training loop. ``study`` puts it on Ray Tune.

The names below are the public API. A name is imported when it is first used, so that
``import pkd`` loads neither torch nor transformers.
"""

from pkd.runtime import first_moment as _  # noqa: F401, I001 - before any other
from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    # Tasks and data
    "GLUE",
    "Prepared",
    "Task",
    "load_task",
    "prepare_task",
    # Models
    "FAMILIES",
    "Family",
    "depth_of",
    "fetch_model",
    "load_classifier",
    "load_tokenizer",
    "save_model",
    "start_layers",
    # Distillation
    "METHODS",
    "Loss",
    "LossInputs",
    "LossTerms",
    "LossWeights",
    "Method",
    "Recipe",
    "Signals",
    "adopt_teacher",
    "ask_teacher",
    "distillation_loss",
    "layer_map",
    "open_signals",
    "patience_loss",
    "register_method",
    "soft_target_loss",
    "to_paper_scale",
    # Training
    "Files",
    "Outputs",
    "TrainingRun",
    # Deployment
    "Classifier",
    "export_student",
    "load_classifier_folder",
    "predict_file",
    # Errors
    "CacheError",
    "DiskFull",
    "ExportError",
    "HubUnreachable",
    "InputError",
    "PkdError",
    "TrainingError",
    "__version__",
]

if TYPE_CHECKING:
    from pkd.data.preparation import Prepared, prepare_task
    from pkd.deployment.bundle import export as export_student
    from pkd.deployment.labelling import predict_file
    from pkd.deployment.text_classifier import Classifier, load_classifier_folder
    from pkd.distillation.layer_map import layer_map
    from pkd.distillation.loss_weights import LossWeights
    from pkd.distillation.losses import (
        Loss,
        LossInputs,
        LossTerms,
        distillation_loss,
        patience_loss,
        soft_target_loss,
        to_paper_scale,
    )
    from pkd.distillation.methods import METHODS, Method
    from pkd.distillation.own_methods import register_method
    from pkd.distillation.recipe import Recipe
    from pkd.distillation.signals import Signals, ask_teacher, open_signals
    from pkd.errors import (
        CacheError,
        DiskFull,
        ExportError,
        HubUnreachable,
        InputError,
        PkdError,
        TrainingError,
    )
    from pkd.models.classifier import load_classifier, save_model
    from pkd.models.encoder import depth_of
    from pkd.models.external_teacher import adopt_teacher
    from pkd.models.families import FAMILIES, Family
    from pkd.models.hub import fetch_model
    from pkd.models.start_layers import start_layers
    from pkd.models.tokenizer import load_tokenizer
    from pkd.tasks.glue import GLUE
    from pkd.tasks.task import Task
    from pkd.tasks.task_file import load_task
    from pkd.training.training_run import Files, Outputs, TrainingRun

    __version__: str
else:
    _MODULES = {
        "pkd.data.preparation": ("Prepared", "prepare_task"),
        "pkd.deployment.labelling": ("predict_file",),
        "pkd.deployment.text_classifier": ("Classifier", "load_classifier_folder"),
        "pkd.distillation.layer_map": ("layer_map",),
        "pkd.distillation.losses": (
            *("Loss", "LossInputs", "LossTerms", "distillation_loss"),
            *("patience_loss", "soft_target_loss", "to_paper_scale"),
        ),
        "pkd.distillation.methods": ("METHODS", "Method"),
        "pkd.distillation.own_methods": ("register_method",),
        "pkd.distillation.loss_weights": ("LossWeights",),
        "pkd.distillation.recipe": ("Recipe",),
        "pkd.distillation.signals": ("Signals", "ask_teacher", "open_signals"),
        "pkd.errors": (
            *("CacheError", "DiskFull", "ExportError", "HubUnreachable"),
            *("InputError", "PkdError", "TrainingError"),
        ),
        "pkd.models.classifier": ("load_classifier", "save_model"),
        "pkd.models.encoder": ("depth_of",),
        "pkd.models.external_teacher": ("adopt_teacher",),
        "pkd.models.families": ("FAMILIES", "Family"),
        "pkd.models.hub": ("fetch_model",),
        "pkd.models.start_layers": ("start_layers",),
        "pkd.models.tokenizer": ("load_tokenizer",),
        "pkd.tasks.glue": ("GLUE",),
        "pkd.tasks.task": ("Task",),
        "pkd.tasks.task_file": ("load_task",),
        "pkd.training.training_run": ("Files", "Outputs", "TrainingRun"),
    }
    _HOMES = {name: (module, name) for module, names in _MODULES.items() for name in names}
    # `pkd.export` is the module of the command.
    _HOMES["export_student"] = ("pkd.deployment.bundle", "export")

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("pkd-study")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, original = _HOMES[name]
        return getattr(import_module(module), original)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
