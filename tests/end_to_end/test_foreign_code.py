"""Code in any file that is read, as a pickle or as Python, is never run."""

import builtins
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import modeling_utils

from pkd.data.preparation import Prepared, prepare_task
from pkd.data.rows import load_rows
from pkd.data.tokens import open_tokens
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import open_signals
from pkd.errors import CacheError, InputError
from pkd.files.cache import write_manifest
from pkd.models.classifier import load_classifier
from pkd.models.encoder import load_encoder_config
from pkd.models.tokenizer import load_tokenizer
from pkd.tasks.glue import GLUE
from pkd.tasks.task_file import load_task_file
from pkd.training.training_run import Files, Outputs, TrainingRun
from study.subcommands import run_subcommand
from tests.support.runs.exportable_run import write_run

FORMS = ["pickle", "zip of torch", "old form of torch"]


def write(path: Path, form: str, content: Any, trap: Any) -> None:
    if form == "pickle":
        path.write_bytes(trap.pickled)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form.startswith("zip"))


def copied(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder)
    return folder


def change_json(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


# Checkpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_code_in_a_checkpoint_is_not_run(
    prepared: Prepared, encoder: Path, tmp_path: Path, form: str, trap: Any
) -> None:
    recipe = Recipe.checked(method="ft", layers=2, batch_size=8, learning_rate=1e-3)
    files = Files(prepared.task, prepared.tokens, encoder)
    state = TrainingRun(recipe, files).loop.state_dict()
    path = tmp_path / "trial.pt"
    write(path, form, {"trainer": state, "extra": trap}, trap)
    if not form.startswith("zip"):
        # A file that is not a checkpoint at all counts as damaged, and the training starts again.
        with pytest.warns(UserWarning, match="is damaged .* starts again"):
            assert TrainingRun(recipe, files, Outputs(checkpoint=path)).reports == []
        assert not path.exists()
        return
    with pytest.raises(CacheError, match=r"none of its code was run\): delete it") as error:
        TrainingRun(recipe, files, Outputs(checkpoint=path))
    # torch's own message explains how to run the code anyway.
    assert "weights_only" not in str(error.value)


# Models ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_pickled_weights_beside_the_real_ones_are_ignored(
    encoder: Path, tmp_path: Path, form: str, trap: Any
) -> None:
    folder = copied(encoder, tmp_path / "model")
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "vocab.pkl"):
        write(folder / name, form, {"weight": trap}, trap)
    load_classifier(folder, ("no", "yes"))
    load_tokenizer(folder)


@pytest.mark.parametrize("form", FORMS)
def test_an_index_of_weights_that_names_a_pickle_is_refused(
    encoder: Path, tmp_path: Path, form: str, trap: Any
) -> None:
    folder = copied(encoder, tmp_path / "model")
    names = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "weights.bin")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    write(folder / "weights.bin", form, {"weight": trap}, trap)
    with pytest.raises(InputError, match="cannot load the model in"):
        load_classifier(folder, ("no", "yes"))


@pytest.mark.parametrize("family", ["bert", "evil"])
def test_a_configuration_that_names_code_is_refused(
    encoder: Path, tmp_path: Path, family: str, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any question for permission to run it is answered with yes.
    monkeypatch.setattr(builtins, "input", lambda *prompt: "y")
    folder = copied(encoder, tmp_path / "model")
    (folder / "evil.py").write_text(trap.code)
    classes = {
        "AutoConfig": "evil.EvilConfig",
        "AutoModelForSequenceClassification": "evil.EvilModel",
    }
    change_json(folder / "config.json", model_type=family, auto_map=classes)
    for read in (load_encoder_config, lambda path: load_classifier(path, ("no", "yes"))):
        with pytest.raises(InputError, match="config.json asks for Python code .* is never run"):
            read(folder)


@pytest.mark.parametrize("classes", [{"AutoTokenizer": [None, "evil.Evil"]}, ["evil.Evil", None]])
def test_a_tokenizer_that_names_code_is_refused(
    encoder: Path,
    data: Path,
    tmp_path: Path,
    classes: Any,
    trap: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(builtins, "input", lambda *prompt: "y")
    folder = copied(encoder, tmp_path / "model")
    (folder / "evil.py").write_text(trap.code)
    change_json(folder / "tokenizer_config.json", auto_map=classes, tokenizer_class="Evil")
    with pytest.raises(InputError, match="tokenizer_config.json asks for Python code"):
        prepare_task(GLUE["rte"], folder, tmp_path / "tokens", data, 24)


def test_python_files_beside_a_model_are_ignored(encoder: Path, tmp_path: Path, trap: Any) -> None:
    folder = copied(encoder, tmp_path / "model")
    for name in ("__init__", "configuration_bert", "modeling_bert", "tokenization_bert"):
        (folder / f"{name}.py").write_text(trap.code)
    load_classifier(folder, ("no", "yes"))
    load_tokenizer(folder)


KERNEL = {"config.json": {"_attn_implementation": "somebody/kernel"}}
OTHER_FILE = {
    "config.json": {"configuration_files": ["config.4.0.0.json"]},
    "config.4.0.0.json": KERNEL["config.json"],
}
# transformers looks for this class in all of its modules, and then runs the code of that file.
PROCESSOR = {
    "tokenizer_config.json": {"tokenizer_class": "AutoProcessor"},
    "processor_config.json": {"auto_map": {"AutoProcessor": "evil.Evil"}},
}
COMMANDS = {
    "predict": "{model} --input {rows} --output {work}/scored.jsonl --text sentence1 sentence2",
    "train": "--task rte --data {data} --model {model} --method ft --layers 1 --max-length 24 "
    "--out {work}/out",
    "export": "{run} --task rte --student ft-2 --to {work}/exported --seconds 0.001",
    "benchmark": "{run} --seconds 0.001",
    "run": "--tasks rte --data {data} --model {model} --config {config} "
    "--out {work}/study --dry-run",
}


@pytest.fixture(scope="module")
def finished_study(
    encoder: Path, teacher: Path, prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_run(encoder, teacher, prepared, tmp_path_factory.mktemp("study") / "run")


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (command, files)
        for command in COMMANDS
        for files in (KERNEL, OTHER_FILE, PROCESSOR)
        if (command, files) != ("benchmark", PROCESSOR)  # it reads tokens, and no tokenizer
    ],
)
def test_no_command_fetches_or_runs_code_that_a_model_names(
    finished_study: Path,
    data: Path,
    tmp_path: Path,
    command: str,
    files: dict[str, dict[str, Any]],
    trap: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fetched(*_: Any, **__: Any) -> None:
        pytest.fail("a kernel was asked for, or the network")

    monkeypatch.setattr(modeling_utils, "lazy_import_flash_attention", fetched)
    monkeypatch.setattr(socket.socket, "connect", fetched)
    monkeypatch.setattr(socket, "getaddrinfo", fetched)
    monkeypatch.setattr(builtins, "input", lambda *prompt: "y")
    run = copied(finished_study, tmp_path / "run")
    model = run / "models" / "rte-2-ft"
    (model / "evil.py").write_text(trap.code)
    for name, keys in files.items():
        if not (model / name).exists():
            (model / name).write_text((model / "config.json").read_text())
        change_json(model / name, **keys)
    write_manifest(model, {})
    (tmp_path / "rows.jsonl").write_text('{"sentence1": "a dog", "sentence2": "a cat"}\n')
    (tmp_path / "tiny.yaml").write_text("{depths: [1], methods: [ft], train: {max_length: 24}}")
    places = {"rows": tmp_path / "rows.jsonl", "config": tmp_path / "tiny.yaml", "data": data}
    places |= {"model": model, "run": run, "work": tmp_path}
    words = COMMANDS[command].format(**places).split()
    threads = torch.get_num_threads()
    code = run_subcommand(command, words, command)
    torch.set_num_threads(threads)
    told = capsys.readouterr().err
    assert (code, f"{model / next(iter(files))}: `" in told) == (2, True), told


# Caches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ids", "offsets", "types", "labels", "idx", "pad_id"])
@pytest.mark.parametrize("form", ["pickle", "array of objects"])
def test_code_in_cached_tokens_is_refused(
    prepared: Prepared, tmp_path: Path, name: str, form: str, trap: Any
) -> None:
    folder = copied(prepared.train, tmp_path / "tokens")
    plant_array(folder / f"{name}.npy", form, trap)
    with pytest.raises(CacheError, match=rf"{name}\.npy is not an array of numbers .*; delete"):
        open_tokens(folder)


@pytest.mark.parametrize("name", ["logits", "layer-02"])
@pytest.mark.parametrize("form", ["pickle", "array of objects"])
def test_code_in_cached_signals_is_refused(
    signals: Path, tmp_path: Path, name: str, form: str, trap: Any
) -> None:
    folder = copied(signals, tmp_path / "signals")
    plant_array(folder / f"{name}.npy", form, trap)
    with pytest.raises(CacheError, match=rf"{name}\.npy is not an array of numbers"):
        open_signals(folder, [1, 2, 3])


def plant_array(path: Path, form: str, trap: Any) -> None:
    """Replaces an array by the trap and updates the manifest."""
    if form == "pickle":
        path.write_bytes(trap.pickled)
    else:
        np.save(path, np.array([trap], dtype=object), allow_pickle=True)
    write_manifest(path.parent, {})


# Data -----------------------------------------------------------------------------------------


def test_a_pickled_type_and_pickled_metadata_of_parquet_are_ignored(
    data: Path, tmp_path: Path, trap: Any
) -> None:
    path = tmp_path / "data" / "rte" / "train.parquet"
    path.parent.mkdir(parents=True)
    table = pq.read_table(data / "rte" / "train.parquet")
    # Arrow used to unpickle this when it read a file: CVE-2023-47248.
    extension = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": trap.pickled,
    }
    fields = [pa.field(f.name, f.type, metadata=extension) for f in table.schema]
    schema = pa.schema(fields, metadata={"pandas": trap.pickled, "huggingface": trap.pickled})
    pq.write_table(pa.Table.from_arrays(table.columns, schema=schema), path)
    assert b"mkdir" in path.read_bytes()
    assert len(load_rows(GLUE["rte"], "train", tmp_path / "data")) == 40


def test_a_task_file_with_a_python_tag_is_refused(tmp_path: Path, trap: Any) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(f"name: !!python/object/apply:os.mkdir ['{trap.folder}']\n")
    with pytest.raises(InputError, match="cannot read the task file"):
        load_task_file(path)
