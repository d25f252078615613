"""Failures of transformers, told apart: a model that cannot be used, and memory that runs out."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from pkd import predict
from pkd.errors import DiskFull, InputError, OutOfMemory, PkdError
from pkd.models.classifier import load_as_deployed
from pkd.models.encoder import load_encoder_config
from pkd.models.loading import explained_loading
from pkd.models.tokenizer import load_tokenizer

MEMORY = [
    MemoryError("Cannot allocate memory (os error 12)"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to all"),
    RuntimeError("unable to mmap 609 bytes from file <a>: Cannot allocate memory (12)"),
    torch.OutOfMemoryError("CUDA out of memory"),
]


@pytest.mark.parametrize("error", MEMORY, ids=lambda error: f"{type(error).__name__}")
def test_memory_that_runs_out_is_not_a_bad_model(error: Exception) -> None:
    with pytest.raises(OutOfMemory, match="memory ran out while the model in DIR was loaded"):
        with explained_loading("the model in DIR"):
            raise error
    assert not issubclass(OutOfMemory, InputError) and OutOfMemory.transient


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), KeyError("x"), Exception("x")])
def test_any_other_error_is_about_the_model(error: Exception) -> None:
    with pytest.raises(InputError, match="cannot load the model in DIR: '?x"):
        with explained_loading("the model in DIR"):
            raise error


def test_errors_of_the_project_pass() -> None:
    for error in (DiskFull("x"), InputError("x"), PkdError("x")):
        with pytest.raises(type(error), match="^x$"), explained_loading("the model in DIR"):
            raise error


@pytest.mark.parametrize(
    ("called", "load"),
    [
        (AutoConfig, load_encoder_config),
        (AutoTokenizer, load_tokenizer),
        (AutoModelForSequenceClassification, load_as_deployed),
    ],
)
def test_each_loader_tells_them_apart(
    teacher: Path, called: type, load: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(called, "from_pretrained", fail)
    with pytest.raises(OutOfMemory):
        load(teacher)


def test_the_command_ends_with_one_message_and_code_1(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr(AutoModelForSequenceClassification, "from_pretrained", fail)
    (tmp_path / "rows.csv").write_text("a,b\nthe cat,a dog\n")
    options = [str(teacher), "--input", str(tmp_path / "rows.csv"), "--text", "a", "b"]
    assert predict.main([*options, "--output", str(tmp_path / "out.csv")]) == 1
    assert capsys.readouterr().err.startswith("error: memory ran out while the model in")


SCARCE = """
import json, resource, sys
from pathlib import Path
from pkd.errors import OutOfMemory
from pkd.models.classifier import load_as_deployed, load_classifier

small, large, labels = Path(sys.argv[1]), Path(sys.argv[2]), ("no", "yes")
loaders = [load_as_deployed, lambda folder: load_classifier(folder, labels),
           lambda folder: load_classifier(folder, ("other", "labels"))]
for load in loaders:
    load(small)
lines = Path("/proc/self/status").read_text().splitlines()
used = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (used + 20 * 2**20, resource.RLIM_INFINITY))
met = []
for load in loaders:
    try:
        load(large)
    except OutOfMemory as error:
        met.append(str(error))
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps(met))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_model_that_is_larger_than_the_memory(encoder: Path, tmp_path: Path) -> None:
    for name, words in (("small", 61), ("large", 1_000_000)):  # 64 MB
        config = load_encoder_config(encoder)
        config.id2label, config.vocab_size = {0: "no", 1: "yes"}, words
        AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path / name)
    argv = [sys.executable, "-c", SCARCE, str(tmp_path / "small"), str(tmp_path / "large")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    met = json.loads(done.stdout)
    assert len(met) == 3 and all("memory ran out while the model in" in text for text in met)
