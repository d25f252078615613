"""Experiment trackers: which ones a study tells of its trials, and whether they can be told."""

import importlib.util
import re

from pydantic import Field, field_validator

from pkd.errors import InputError
from study.redact import redacted
from study.space import Section

_PACKAGES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
_URI = re.compile(r"(https?|(sqlite|postgresql|mysql|mssql)(\+\w+)?)://.|databricks(://.+)?$")


class Trackers(Section):
    """Where trials are followed besides the report; may change while a study is interrupted.

    Attributes:
        tensorboard: write event files to ``<out>/trackers/tensorboard``.
        mlflow: a server, ``https://…``, or a database, ``sqlite:///mlflow.db``; each trial is a
            run of the experiment that is called like the study.
        wandb: project at Weights & Biases; the key comes from ``WANDB_API_KEY`` or
            ``wandb login``, ``WANDB_MODE=offline`` needs none.
    """

    tensorboard: bool = False
    mlflow: str | None = None
    wandb: str | None = Field(default=None, pattern=r"^[^/\\#?%:\s][^/\\#?%:]*$", max_length=128)

    @field_validator("mlflow")
    @classmethod
    def _known_to_mlflow(cls, uri: str | None) -> str | None:
        if uri is not None and not _URI.match(uri):
            raise ValueError(
                f"`trackers.mlflow` is {redacted(uri)!r}, but must be the http(s):// address of "
                "a server or a database such as sqlite:///mlflow.db (MLflow takes no folders any "
                "more)"
            )
        return uri

    @property
    def chosen(self) -> list[str]:
        """The trackers that are on."""
        return [name for name in _PACKAGES if getattr(self, name)]


OFF = Trackers()


def check_trackers(trackers: Trackers) -> None:
    """Looks whether all that the chosen trackers need is there. Nothing is sent.

    Raises:
        InputError: if a package or the key of Weights & Biases is missing.
    """
    for name in trackers.chosen:
        if importlib.util.find_spec(_PACKAGES[name]) is None:
            raise InputError(
                f"`trackers.{name}` needs the package {_PACKAGES[name]}: "
                "pip install 'pkd-study[trackers]', or leave the key out"
            )
    if trackers.wandb:
        from ray.air.integrations.wandb import WandbLoggerCallback

        try:
            WandbLoggerCallback(project=trackers.wandb).setup()
        except ValueError:
            raise InputError(
                "`trackers.wandb` is on, but Weights & Biases has no key: set WANDB_API_KEY, run "
                "`wandb login`, or work without a network by WANDB_MODE=offline"
            ) from None
