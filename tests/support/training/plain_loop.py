"""A plain training loop: nothing of pkd but the order of the rows."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from pkd.data.batching import train_batches


def plain_batch(folder: Path, rows: np.ndarray) -> dict[str, torch.Tensor]:
    ids, types = np.load(folder / "ids.npy"), np.load(folder / "types.npy")
    offsets = np.load(folder / "offsets.npy")
    width = max(offsets[row + 1] - offsets[row] for row in rows)
    names = ("input_ids", "token_type_ids", "attention_mask")
    inputs = {name: torch.zeros(len(rows), width, dtype=torch.long) for name in names}
    for i, row in enumerate(rows):
        for j, position in enumerate(range(offsets[row], offsets[row + 1])):
            inputs["input_ids"][i, j] = int(ids[position])
            inputs["token_type_ids"][i, j] = int(types[position])
            inputs["attention_mask"][i, j] = 1
    return inputs


def plain_loss(
    method: str, student: Any, labels: torch.Tensor, teacher: Any, alpha: float, beta: float
) -> torch.Tensor:
    """The released scale at T = 4, student layers 1 and 2 against teacher layers 1 and 3."""
    log_p = student.logits - student.logits.exp().sum(1, keepdim=True).log()
    ce = -sum(log_p[i, y] for i, y in enumerate(labels.tolist())) / len(labels)
    if method == "ft":
        return ce
    q = (teacher.logits / 4).exp() / (teacher.logits / 4).exp().sum(1, keepdim=True)
    p = (student.logits / 4).exp() / (student.logits / 4).exp().sum(1, keepdim=True)
    loss = (1 - alpha) * ce + alpha * 16 * (q * (q / p).log()).sum() / q.numel()
    if method == "kd":
        return loss
    distance = 0
    for mine, theirs in ((1, 1), (2, 3)):
        s = student.hidden_states[mine][:, 0]
        t = teacher.hidden_states[theirs][:, 0].half().float()
        s = s / (s * s).sum(1, keepdim=True).sqrt()
        t = t / (t * t).sum(1, keepdim=True).sqrt()
        distance = distance + ((s - t) ** 2).mean() / 2
    return loss + beta * distance


def plain_training(
    method: str, model: Any, teacher: Any, folder: Path, alpha: float, beta: float
) -> list[float]:
    """20 steps: AdamW, decay 0.01 on matrices only, rate 0.003 after 2 steps of warm-up."""
    model.train()
    teacher.eval()
    parameters = dict(model.named_parameters())
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in parameters.items()}
    all_labels = np.load(folder / "labels.npy")
    lengths = np.diff(np.load(folder / "offsets.npy"))
    order = [rows for epoch in range(4) for rows in train_batches(lengths, 8, 0, epoch)]
    losses = []
    for step, rows in enumerate(order):
        inputs = plain_batch(folder, rows)
        with torch.no_grad():
            told = teacher(**inputs, output_hidden_states=True)
        said = model(**inputs, output_hidden_states=True)
        loss = plain_loss(method, said, torch.from_numpy(all_labels[rows]), told, alpha, beta)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        norm = sum(float((g**2).sum()) for g in gradients) ** 0.5
        rate = 0.003 * ((step + 1) / 2 if step < 2 else (20 - step) / 18)
        with torch.no_grad():
            for (name, p), g in zip(parameters.items(), gradients, strict=True):
                g = g * min(1.0, 1 / (norm + 1e-6))
                if p.ndim == 2:
                    p -= rate * 0.01 * p
                m, v = moments[name]
                m.copy_(0.9 * m + 0.1 * g)
                v.copy_(0.999 * v + 0.001 * g * g)
                n = step + 1
                p -= rate * (m / (1 - 0.9**n)) / ((v / (1 - 0.999**n)).sqrt() + 1e-8)
    return losses
