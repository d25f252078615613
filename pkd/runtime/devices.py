"""The device and the precision of a process."""

import contextlib
import platform
from pathlib import Path
from typing import Any

import torch

# Instructions that multiply 8-bit integers, and torch's names of them.
_INT8 = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512_f",),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "AMX": ("amx_int8",),
}
_INT8_ARM = {"dot product": ("dot",), "I8MM": ("i8mm",)}


def default_device() -> torch.device:
    """Returns the first GPU that this process may use, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve_precision(precision: str, device: torch.device) -> str:
    """Replaces ``auto`` by ``bf16`` if the device multiplies bf16 natively, else by ``fp32``."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        cpu: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch >= 2.10
        native = bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))
    return "bf16" if native else "fp32"


def device_name(device: torch.device) -> str:
    """Returns the product name of a device, e.g. for a report."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown CPU"


def int8_instructions() -> dict[str, bool]:
    """Returns which instructions that speed up 8-bit integers this CPU has, by their names.

    It is empty where torch cannot tell (before 2.10).
    """
    cpu: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    names = _INT8_ARM if str(cpu.get("architecture", "")).startswith(("arm", "aarch")) else _INT8
    return {name: any(cpu.get(key) for key in keys) for name, keys in names.items() if cpu}


def inference_tokens(device: torch.device) -> int:
    """Returns the number of tokens of a forward pass without gradients.

    A large GPU needs at least 512 rows to be busy. A CPU takes as many tokens as a training step
    has: more would not fit its caches, and would take most of the memory of the process.
    """
    return 65_536 if device.type == "cuda" else 4_096


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Returns autocast for ``bf16``, and a context without effect for ``fp32``."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
