"""Training loops to time side by side: an ordinary loop, the released code's and ours.

Each loop yields the number of rows after each step.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

from pkd.acceleration.vocabulary import keep_used_words
from pkd.data.preparation import Prepared
from pkd.data.rows import load_rows
from pkd.data.tokens import open_tokens
from pkd.distillation.loss_weights import LossWeights
from pkd.distillation.losses import LossInputs, distillation_loss
from pkd.distillation.recipe import Recipe
from pkd.distillation.signals import open_signals
from pkd.models.classifier import load_classifier
from pkd.models.loading import quiet_transformers
from pkd.tasks.task import Task
from pkd.training.objective import Objective
from pkd.training.training_loop import TrainingLoop

LAYERS, BATCH, PADDED = 3, 32, 128
# The teacher layers that students learn from; the teacher has at least five layers.
TEACHER_LAYERS = (2, 4)
Epoch = Iterator[int]


def plain_epoch(task: Task, model: Path, data: Path) -> Epoch:
    """The loop of the transformers documentation: fp32, dynamic padding, AdamW."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    split = load_rows(task, task.train, data)
    encoded = tokenizer(*split.texts, truncation=True, max_length=128)
    assert split.labels is not None
    encoded_rows = [
        {key: encoded[key][i] for key in encoded} | {"label": int(split.labels[i])}
        for i in range(len(split))
    ]
    with quiet_transformers():
        student = AutoModelForSequenceClassification.from_pretrained(
            model, num_hidden_layers=LAYERS, num_labels=len(task.labels)
        )
    student.train()
    optimizer = torch.optim.AdamW(student.parameters(), lr=5e-5, weight_decay=0.01)
    collate = DataCollatorWithPadding(tokenizer)
    for batch in DataLoader(encoded_rows, batch_size=BATCH, shuffle=True, collate_fn=collate):
        student(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield len(batch["input_ids"])


def released_epoch(prepared: Prepared, model: Path, signals: Path) -> Epoch:
    """Patient distillation as in the released code, on the modules that it uses.

    These are `BertModel` and `BertAdam` of the package pytorch-pretrained-bert, in fp32. Every row
    is padded to 128 tokens, and the teacher's outputs are in memory (NLI_KD_training.py with
    ``--kd_model kd.cls`` and without fp16).

    Raises:
        ModuleNotFoundError: without the packages pytorch-pretrained-bert and boto3.
    """
    from pytorch_pretrained_bert.modeling import BertConfig, BertModel
    from pytorch_pretrained_bert.optimization import BertAdam

    ours = load_classifier(model, prepared.task.labels, LAYERS)
    names = BertConfig(1).to_dict().keys() & ours.config.to_dict().keys()
    config = BertConfig.from_dict({name: getattr(ours.config, name) for name in names})
    bert = BertModel(config)
    bert.load_state_dict(ours.base_model.state_dict())
    head = nn.Sequential(nn.Dropout(0.1), nn.Linear(config.hidden_size, len(prepared.task.labels)))
    parameters = [*bert.parameters(), *head.parameters()]
    optimizer = BertAdam(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=5e-5,
        warmup=0.1,
        t_total=100_000,
    )
    weights = LossWeights(alpha=0.5, temperature=10, beta=100)
    bert.train()
    for inputs, labels, logits, states in DataLoader(
        _tensors(prepared, signals), batch_size=BATCH, shuffle=True
    ):
        ids, types, mask = inputs.unbind(1)
        layers, pooled = bert(ids, types, mask)
        predicted = head(pooled)
        cls = torch.stack([layer[:, 0] for layer in layers[:-1]], dim=1)
        terms = distillation_loss(LossInputs(weights, predicted, labels, logits, cls, states))
        terms.total.backward()
        terms.total.item(), terms.ce.item()  # the released code adds them up
        optimizer.step()
        optimizer.zero_grad()
        yield len(labels)


def _tensors(prepared: Prepared, folder: Path) -> TensorDataset:
    """Returns rows of 128 tokens, their labels, and the teacher's signals for them."""
    tokens, signals = open_tokens(prepared.train), open_signals(folder, TEACHER_LAYERS)
    index = torch.arange(len(tokens))
    batch = tokens.gather(index, PADDED)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    inputs = torch.stack([ids, batch.get("token_type_ids", torch.zeros_like(ids)), mask], dim=1)
    states = signals.states_of(index, TEACHER_LAYERS)
    return TensorDataset(inputs, tokens.labels_of(index), signals.logits_of(index), states)


def our_trainer(
    prepared: Prepared, model: Path, method: str, signals: Path, layers: int, **more: Any
) -> TrainingLoop:
    """Returns a `TrainingLoop` as a study makes it; the teacher has ``layers`` layers."""
    recipe = Recipe.checked(method=method, layers=LAYERS, batch_size=BATCH, **more)
    student = load_classifier(model, prepared.task.labels, LAYERS)
    tokens = open_tokens(prepared.train)
    keep_used_words(student, [tokens])
    opened = open_signals(signals, TEACHER_LAYERS)
    cpu = torch.device("cpu")
    return TrainingLoop(
        Objective(
            recipe,
            student,
            tokens,
            cpu,
            signals=opened,
            teacher_map=recipe.teacher_map(layers, LAYERS),
        )
    )


def our_epoch(prepared: Prepared, model: Path, method: str, signals: Path, layers: int) -> Epoch:
    """One epoch of `pkd.training.training_loop.TrainingLoop`."""
    for _ in our_trainer(prepared, model, method, signals, layers).run_epoch():
        yield BATCH  # one batch of the epoch is smaller


def tokens_a_row(prepared: Prepared) -> float:
    """Returns the mean number of tokens of a training row."""
    return float(np.mean(open_tokens(prepared.train).lengths))
