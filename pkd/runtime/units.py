"""Durations and sizes as text."""


def duration(seconds: float) -> str:
    """Returns a duration as ``45 s``, ``12 min``, ``3 h 20 min`` or ``2 d 4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def gigabytes(size: float) -> str:
    """Returns a size in bytes as ``1.2 GB`` or ``34 MB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
