"""Trains a step twice, the second time with less memory than it takes; run by test_memory.py."""

import json
import resource
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification

from pkd.data.tokens import TokenArrays
from pkd.distillation.recipe import Recipe
from pkd.training.objective import Objective
from pkd.training.training_loop import TrainingLoop

ROWS, WIDTH = 512, 64
ROOM = 100 * 2**20  # a fraction of what the step takes


def loop() -> TrainingLoop:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=100,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
        hidden_dropout_prob=0.0,  # parts of a batch draw other random numbers
        attention_probs_dropout_prob=0.0,
    )
    tokens = TokenArrays(
        ids=torch.randint(5, 100, (ROWS * WIDTH,), dtype=torch.int32),
        offsets=torch.arange(0, ROWS * WIDTH + 1, WIDTH),
        types=None,
        labels=torch.arange(ROWS) % 2,
        idx=np.arange(ROWS),
        lengths=np.full(ROWS, WIDTH),
        pad_id=0,
        path=Path(),
    )
    recipe = Recipe.checked(method="ft", batch_size=ROWS, epochs=1, precision="fp32")
    return TrainingLoop(
        Objective(recipe, BertForSequenceClassification(config), tokens, torch.device("cpu"))
    )


def address_space() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmSize"))


def main() -> None:
    whole, parts = loop(), loop()
    list(whole.run_epoch())
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + ROOM, resource.RLIM_INFINITY))
    list(parts.run_epoch())
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    pairs = zip(whole.model.parameters(), parts.model.parameters(), strict=True)
    print(
        json.dumps(
            {
                "micro_batches": [whole.micro_batches, parts.micro_batches],
                "loss": [whole.epoch_loss, parts.epoch_loss],
                "weights": max(float((a - b).detach().abs().max()) for a, b in pairs),
            }
        )
    )


if __name__ == "__main__":
    main()
