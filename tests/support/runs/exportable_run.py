"""A finished study of RTE whose students can be exported."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from pkd.data.preparation import Prepared
from pkd.export import main
from pkd.files.cache import write_manifest
from pkd.models.classifier import load_classifier, save_model
from tests.support.runs.recorded_trial import record_trial

LABELS = ["entailment", "not_entailment"]
SCORES = {"rte-2-ft": [0.5, 0.6, 0.7], "rte-2-kd": [0.62, 0.64, 0.66], "rte-1-kd": [0.5, 0.5]}


def metrics(score: float) -> dict[str, Any]:
    return {"score": score, "metrics": {"validation": {"accuracy": score}}}


def write_run(encoder: Path, teacher: Path, prepared: Prepared, folder: Path) -> Path:
    """Writes a study: a teacher of four layers; KD of two layers has the best mean, FT of two
    layers the best seed."""
    shutil.copytree(teacher, folder / "teachers" / "rte")
    card = {"trial": "trial-0001", "settings": {"learning_rate": 5e-5}, **metrics(0.7)}
    (folder / "teachers" / "rte" / "study.json").write_text(json.dumps(card))
    write_manifest(folder / "teachers" / "rte", card)
    for seed, (cell, scores) in enumerate(SCORES.items()):
        student = load_classifier(encoder, LABELS, int(cell.split("-")[1]), seed=seed)
        save_model(student, encoder, folder / "models" / cell)
        settings = {"learning_rate": 2e-5, "temperature": 10.0, "alpha": 0.25}
        card = {"trial": "seed-0002", "settings": settings, **metrics(max(scores))}
        (folder / "models" / cell / "study.json").write_text(json.dumps(card))
        write_manifest(folder / "models" / cell, card)
        for number, score in enumerate(scores):
            record_trial(folder, "confirm", cell, f"seed-{number:04d}", **metrics(score))
    split = prepared.tokens["validation"]
    shutil.copytree(split, folder / "tokens" / split.name)
    about = {"dev_splits": ["validation"], "tokens": {"validation": split.name}}
    about |= {"metrics": ["accuracy"], "labels": LABELS, "train_rows": 2490, "dev_rows": 12}
    train = {"max_length": 24, "start_layers": {"2": [1, 4], "1": [4]}}
    study = {
        **{"format": 1, "name": "small", "command": "python study/run.py --tasks rte"},
        **{"git_commit": "0123456789ab", "versions": {"torch": "2.13.0"}},
        **{"teacher": {"layers": 4, "name": "an-encoder"}, "tasks": {"rte": about}},
        **{"depths": [2, 1], "methods": ["ft", "kd"], "config": {"train": train}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder


def export(run: Path, *options: str) -> int:
    """The command, timing for a moment only."""
    to = str(run.parent / "model")
    return main([str(run), "--task", "rte", "--to", to, "--seconds", "0.001", *options])
