"""The device and the precision that a process trains with."""

import contextlib
import platform
from pathlib import Path
from typing import Any

import torch


def default_device() -> torch.device:
    """The first GPU that this process may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve_precision(precision: str, device: torch.device) -> str:
    """Turns ``auto`` into ``bf16`` where the hardware multiplies bf16 natively, else ``fp32``."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        cpu: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch >= 2.10
        native = bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))
    return "bf16" if native else "fp32"


def device_name(device: torch.device) -> str:
    """What the device is called, for a person."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown CPU"


def inference_tokens(device: torch.device) -> int:
    """Tokens of a forward pass without gradients.

    A large GPU is busy with no fewer than 512 rows. On a CPU no more than a training's step has:
    more leave the caches, and a process would need most of its memory for them.
    """
    return 65_536 if device.type == "cuda" else 4_096


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Autocast for ``bf16``, nothing for ``fp32``."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
