"""A fake run folder: the files that a study writes, without a study."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from pkd.files.ledger.event import checksum

GLUE = {
    "sst2": (["accuracy"], ["validation"], 67_349),
    "mrpc": (["accuracy", "f1"], ["validation"], 3_668),
    "qqp": (["accuracy", "f1"], ["validation"], 363_846),
    "mnli": (["accuracy"], ["validation_matched", "validation_mismatched"], 392_702),
    "qnli": (["accuracy"], ["validation"], 104_743),
    "rte": (["accuracy"], ["validation"], 2_490),
    "cola": (["mcc"], ["validation"], 8_551),
}
SETTINGS = {
    "teacher": {"learning_rate": 2e-5},
    "ft": {"learning_rate": 2e-5},
    "kd": {"learning_rate": 2e-5, "temperature": 10.0, "alpha": 0.5},
}
for _method in ("pkd-skip", "pkd-last"):
    SETTINGS[_method] = {**SETTINGS["kd"], "beta": 100.0, "normalize": True}


class FakeRun:
    """Writes ``study.yaml`` at once, and trials on request."""

    def __init__(
        self,
        path: Path,
        tasks: tuple[str, ...] = ("rte",),
        own_tasks: dict[str, Any] | None = None,
        **study: Any,
    ) -> None:
        self.path = path
        self._trials = 0
        self.study: dict[str, Any] = {
            "format": 1,
            "name": "fake",
            "config": {"tasks": list(tasks)},
            "versions": {"python": "3.11", "torch": "2.13.0"},
            "git_commit": "0123456789abcdef",
            "command": "python study/run.py --tasks " + ",".join(tasks),
            "created": "2026-01-02T03:04:05",
            "generated_data": False,
            "teacher": {"name": "bert-base-uncased", "layers": 12, "hidden": 768},
            "tasks": {
                task: {
                    "metrics": GLUE[task][0],
                    "dev_splits": GLUE[task][1],
                    "labels": ["no", "yes"],
                    "train_rows": GLUE[task][2],
                    "dev_rows": 277,
                }
                for task in tasks
            }
            | (own_tasks or {}),
            "depths": [6, 3],
            "methods": ["ft", "kd", "pkd-skip", "pkd-last"],
            "budget": {
                "teacher_trials": 2,
                "search_trials": {"ft": 4, "kd": 4, "pkd-skip": 4, "pkd-last": 4},
                "confirm_seeds": 3,
                "epochs": 4,
            },
            **study,
        }
        self.path.mkdir(parents=True, exist_ok=True)
        (path / "study.yaml").write_text(yaml.safe_dump(self.study, sort_keys=False))

    def trial(
        self,
        stage: str,
        task: str,
        depth: int,
        method: str,
        number: int,
        score: float | dict[str, dict[str, float]] | None,
        state: str = "complete",
        epochs: int = 1,
        seconds: float = 36.0,
        reports: Sequence[dict[str, Any]] = (),
        constant: bool = False,
        seq: int = 0,
        **settings: Any,
    ) -> Path:
        """Writes one trial's events and returns its folder.

        `score` may be the metrics ``{split: {metric: value}}``; their mean on the first split is
        then the score. State "unfinished" writes no end event. `reports` changes keys of the
        reports of the first, second, ... epoch. Trials with a higher `seq` were recorded later,
        of equals those that are written later.
        """
        splits = self.study["tasks"][task]["dev_splits"]
        metrics: dict[str, dict[str, float]] = score if isinstance(score, dict) else {}
        if isinstance(score, float):
            names = self.study["tasks"][task]["metrics"]
            metrics = {split: dict.fromkeys(names, score) for split in splits}
        values = list(metrics.get(splits[0], {}).values())
        mean = sum(values) / len(values) if values else None
        name = f"{'seed' if stage == 'confirm' else 'trial'}-{number:04d}"
        folder = self.path / "ledger" / stage / f"{task}-{depth}-{method}" / name
        folder.mkdir(parents=True)
        who = {"format": 1, "stage": stage, "task": task, "depth": depth, "method": method}
        who["trial"] = name
        self._trials += 1
        first = (1000 * seq + self._trials) * 1000
        start = {"settings": {**SETTINGS[method], **settings}, "seed": number, "epochs": 4}
        write(folder / "start.json", {**who, "event": "start", "seq": first, "time": 1e9, **start})
        for epoch in range(1, epochs + 1):
            report = {
                **{"epoch": epoch, "score": mean, "metrics": metrics, "train_loss": 0.5},
                **{"dev_loss": 0.6, "train_seconds": 8.0, "eval_seconds": 1.0, "samples": 2490},
                **{"device": "cpu", "decision": "continue", "seq": first + epoch},
                **{"time": 1e9 + epoch},
                **(reports[epoch - 1] if epoch <= len(reports) else {}),
            }
            write(folder / f"report-{epoch:04d}.json", {**who, "event": "report", **report})
        if state != "unfinished":
            error = "RuntimeError: the loss is nan" if state == "failed" else None
            end = {"state": state, "score": mean, "metrics": metrics, "best_epoch": 1}
            end |= {"epochs": epochs, "seconds": seconds, "error": error, "constant": constant}
            end |= {"seq": first + 999, "time": 2e9}
            write(folder / "end.json", {**who, "event": "end", **end})
        return folder

    def confirm(
        self, task: str, depth: int, method: str, seed: int, labels: list[int], right: list[int]
    ) -> Path:
        """Writes a trial of the confirm stage with its predictions, and returns their file.

        `right` has 1 for each row that is predicted correctly. The prediction of a wrong row is 1
        for the label 0, and 0 for every other label.
        """
        about = self.study["tasks"][task]
        split = about["dev_splits"][0]
        pairs = zip(labels, right, strict=True)
        predicted = [label if good else int(label == 0) for label, good in pairs]
        functions = {"accuracy": accuracy_score, "f1": f1_score, "mcc": matthews_corrcoef}
        functions["macro_f1"] = partial(f1_score, average="macro")
        for code, name in enumerate(about["labels"]):
            functions[f"f1:{name}"] = partial(f1_score, pos_label=code)
        values = {name: float(functions[name](labels, predicted)) for name in about["metrics"]}
        constant = len(set(predicted)) == 1
        trial = self.trial(
            "confirm", task, depth, method, seed, {split: values}, constant=constant
        )
        folder = self.path / "predictions" / "confirm" / trial.parent.name / trial.name
        folder.mkdir(parents=True)
        columns = {"idx": range(len(labels)), "label": labels, "prediction": predicted}
        pd.DataFrame(columns).to_parquet(folder / f"{split}.parquet")
        return folder / f"{split}.parquet"


def write(path: Path, content: Any) -> None:
    """Writes JSON, and into an event of the ledger its checksum."""
    if isinstance(content, dict) and "event" in content:
        # A study records a number that is not defined as null.
        content = json.loads(json.dumps(content), parse_constant=lambda constant: None)
        content.pop("check", None)
        content = content | {"check": checksum(content)}
    path.write_text(json.dumps(content))
