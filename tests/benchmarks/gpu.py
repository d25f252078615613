"""Training speed on one GPU: one trial, several that share it, and a Hugging Face Trainer.

Weights are random (speed does not depend on them); rows and their lengths are real. Shares refer
to the rate of a large bf16 matrix product in the same process, and count matrix products only.

python -m tests.benchmarks.gpu --data DIR --tokenizer DIR [--task mnli] [--rows 8000]
    [--layers 6,3] [--trials 1,2,4,8] [--seconds 8] [--mps]
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import multiprocessing
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DataCollatorWithPadding,
    TrainingArguments,
)
from transformers import Trainer as HuggingFaceTrainer

from pkd.data.batching import train_batches
from pkd.data.preparation import prepare_task
from pkd.data.rows import load_rows
from pkd.data.tokens import open_tokens
from pkd.distillation.layer_map import layer_map
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import ask_teacher, open_signals
from pkd.evaluation.inference import predict_logits
from pkd.models.classifier import load_classifier, move
from pkd.models.loading import quiet_transformers
from pkd.tasks.glue import GLUE
from pkd.training.objective import Objective
from pkd.training.training_loop import TrainingLoop
from pkd.training.training_run import Files

BATCH = 32
DEVICE = torch.device("cuda")


def matmul_rate() -> float:
    """Returns FLOP/s of a large bf16 matrix product, a median."""
    a, b = (torch.randn(8192, 8192, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    return 2 * 8192**3 / statistics.median(timed(lambda: a @ b) for _ in range(13))


def timed(work: Callable[[], object]) -> float:
    """Returns the seconds that the device needs for ``work``."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def base_encoder(folder: Path, tokenizer: Path) -> Path:
    """Writes a BERT-base with random weights and the given tokenizer; returns its folder."""
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    with quiet_transformers():
        AutoModel.from_config(BertConfig()).save_pretrained(folder)
    return folder


def trainer_for(files: Files, method: str, layers: int, seed: int = 0) -> TrainingLoop:
    """Returns our training loop of one student."""
    recipe = Recipe.checked(method=method, layers=layers, batch_size=BATCH, epochs=1000, seed=seed)
    student = load_classifier(files.model, files.task.labels, layers)
    assert files.signals is not None and files.teacher_layers is not None
    states = layer_map("skip", files.teacher_layers, layers)
    return TrainingLoop(
        Objective(
            recipe,
            student,
            open_tokens(files.tokens[files.task.train], DEVICE),
            DEVICE,
            signals=open_signals(files.signals, states, DEVICE),
            teacher_map=recipe.teacher_map(files.teacher_layers, layers),
        )
    )


def endless(trainer: TrainingLoop) -> Iterator[Any]:
    """Yields steps of epoch after epoch, without end."""
    while True:
        yield from trainer.run_epoch()


def steps_per_second(steps: Iterator[Any], seconds: float) -> float:
    """Returns the steps per second, measured for ``seconds``."""
    count = 0
    torch.cuda.synchronize()
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for _ in range(20):
            next(steps)
        torch.cuda.synchronize()
        count += 20
    return count / (time.perf_counter() - started)


def flops_per_step(trainer: TrainingLoop) -> float:
    """Returns the operations of the matrix products of a mean step.

    Forward and backward, padding included.
    """
    batches = train_batches(trainer.tokens.lengths, BATCH, seed=0, epoch=0)
    widths = [trainer.tokens.width(rows) for rows in batches]
    by_width = {}
    for rows, width in zip(batches, widths, strict=True):
        if width not in by_width:
            with FlopCounterMode(display=False) as counter:
                terms, _ = trainer.objective(torch.from_numpy(rows).to(DEVICE), width)
                terms.total.backward()
            by_width[width] = counter.get_total_flops() * BATCH / len(rows)
    trainer.optimizer.zero_grad(set_to_none=True)
    return float(np.mean([by_width[width] for width in widths]))


def hugging_face(files: Files, data: Path, layers: int, rows: int, bf16: bool) -> float:
    """Returns rows per second of transformers' own Trainer, with dynamic padding."""
    tokenizer = AutoTokenizer.from_pretrained(files.model)
    split = load_rows(files.task, files.task.train, data, rows)
    encoded = tokenizer(*split.texts, truncation=True, max_length=128)
    assert split.labels is not None
    encoded_rows: Any = [
        {key: encoded[key][i] for key in encoded} | {"label": int(split.labels[i])}
        for i in range(len(split))
    ]
    steps = 100
    with tempfile.TemporaryDirectory() as folder, quiet_transformers():
        student = AutoModelForSequenceClassification.from_pretrained(
            files.model, num_hidden_layers=layers, num_labels=len(files.task.labels)
        )
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            max_steps=steps,
            bf16=bf16,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        trainer = HuggingFaceTrainer(
            model=student,
            args=arguments,
            train_dataset=encoded_rows,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.train()  # warm-up
        return steps * BATCH / timed(trainer.train)


def packed(files: Files, layers: int, seconds: float, barrier: Any, results: Any) -> None:
    """Trains in one of several processes; puts rows/s and memory in ``results``."""
    trainer = trainer_for(files, "pkd-skip", layers)
    steps = endless(trainer)
    for _ in range(2 * trainer.steps_per_epoch):
        next(steps)
    torch.cuda.synchronize()
    barrier.wait()
    rate = steps_per_second(steps, seconds)
    results.put((rate * BATCH, torch.cuda.max_memory_reserved()))


def share_the_gpu(files: Files, layers: int, trials: int, seconds: float) -> tuple[float, float]:
    """Returns rows per second of all processes together, and the most memory of one in GiB."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(trials), context.Queue()
    processes = [
        context.Process(target=packed, args=(files, layers, seconds, barrier, results))
        for _ in range(trials)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    return sum(rate for rate, _ in found), max(memory for _, memory in found) / 2**30


@contextlib.contextmanager
def multi_process_service(folder: Path) -> Iterator[None]:
    """Starts NVIDIA's MPS, with which kernels of several processes run at the same time."""
    os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": str(folder), "CUDA_MPS_LOG_DIRECTORY": str(folder)}
    subprocess.run(["nvidia-cuda-mps-control", "-d"], check=True)
    try:
        yield
    finally:
        subprocess.run(["nvidia-cuda-mps-control"], input=b"quit\n", check=False)
        del os.environ["CUDA_MPS_PIPE_DIRECTORY"], os.environ["CUDA_MPS_LOG_DIRECTORY"]


def compare_steps(files: Files, options: argparse.Namespace, layers: int, peak: float) -> None:
    """Prints rows for one trial: Hugging Face's Trainer, our steps, our CUDA graphs."""
    speeds = {
        f"Trainer, {name}": hugging_face(files, options.data, layers, options.rows, name == "bf16")
        for name in ("fp32", "bf16")
    }
    flops = 0.0
    for method in ("ft", "pkd-skip"):
        for graphs in (False, True):
            trainer = trainer_for(files, method, layers)
            if not graphs:
                trainer._graphs = None
            steps = endless(trainer)
            for _ in range(2 * trainer.steps_per_epoch):
                next(steps)
            speed = BATCH * steps_per_second(steps, options.seconds)
            speeds[f"{method}, {'graphs' if graphs else 'eager'}"] = speed
        flops = flops_per_step(trainer)
    for name, speed in speeds.items():
        share = speed / BATCH * flops / peak
        times = speed / speeds["Trainer, fp32"], speed / speeds["Trainer, bf16"]
        ratios = " | ".join(f"{ratio:.1f}" for ratio in times)
        print(f"| {layers} | {name} | {speed:,.0f} | {ratios} | {share:.1%} |", flush=True)


def compare_packing(files: Files, options: argparse.Namespace, layers: int, peak: float) -> None:
    """Prints a row for each number of trials that share the device."""
    flops = flops_per_step(trainer_for(files, "pkd-skip", layers))
    torch.cuda.empty_cache()
    for trials in map(int, options.trials.split(",")):
        speed, memory = share_the_gpu(files, layers, trials, options.seconds)
        share = speed / BATCH * flops / peak
        print(f"| {layers} | {trials} | {speed:,.0f} | {share:.1%} | {memory:.1f} |", flush=True)


def teacher_pass(files: Files, cache: Path, seconds_to_signals: float) -> None:
    """Prints the speed of making signals beside that of plain inference on the same rows."""
    teacher = move(load_classifier(files.model, files.task.labels), DEVICE)
    tokens = open_tokens(files.tokens[files.task.train], DEVICE)
    for batch in (64, 128, 256, 512):
        work = partial(predict_logits, teacher, tokens, DEVICE, "bf16", batch)
        work()  # the first call of a shape chooses attention kernels
        rate = len(tokens) / timed(work)
        print(f"teacher, inference, batch {batch}: {rate:,.0f} rows/s", flush=True)
    print(f"signals: {len(tokens) / seconds_to_signals:,.0f} rows/s, files and checksums included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--task", default="mnli")
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--layers", default="6,3")
    parser.add_argument("--trials", default="1,2,4,8")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--mps", action="store_true", help="also share it through NVIDIA's MPS")
    options = parser.parse_args()
    peak = matmul_rate()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}: {peak / 1e12:.0f} TFLOP/s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = base_encoder(folder / "encoder", options.tokenizer)
        task = GLUE[options.task]
        prepared = prepare_task(task, model, folder / "tokens", options.data, 128, options.rows)
        depths = [int(layers) for layers in options.layers.split(",")]
        states = {layer for depth in depths for layer in layer_map("skip", 12, depth)}
        ask_teacher(prepared, model, (), folder / "warm")
        started = time.perf_counter()
        signals = ask_teacher(prepared, model, states, folder / "signals")
        seconds = time.perf_counter() - started
        files = Files(prepared.task, prepared.tokens, model, signals, 12)
        lengths = open_tokens(prepared.train).lengths
        print(f"{options.task}: {len(lengths)} rows of {lengths.mean():.0f} tokens on average")
        teacher_pass(files, folder, seconds)
        print("| layers | one trial | rows/s | ÷ Trainer fp32 | ÷ Trainer bf16 | of the peak |")
        for layers in depths:
            compare_steps(files, options, layers, peak)
        print("| layers | trials at once | rows/s together | of the peak | GiB of one |")
        for layers in depths:
            compare_packing(files, options, layers, peak)
        if options.mps:
            if shutil.which("nvidia-cuda-mps-control") is None:
                raise SystemExit("nvidia-cuda-mps-control is not on the PATH")
            print("with MPS:")
            with multi_process_service(folder / "mps"):
                for layers in depths:
                    compare_packing(files, options, layers, peak)


if __name__ == "__main__":
    main()
