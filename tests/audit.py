"""Looks up the pinned packages in PyPI's list of vulnerabilities: ``python -m tests.audit``.

Fails if a package is vulnerable. If the list cannot be reached, prints that and succeeds.
"""

import json
import subprocess
import sys
from pathlib import Path

_PINS = Path(__file__).resolve().parents[1] / "constraints.txt"
_COMMAND = [
    *(sys.executable, "-m", "pip_audit", "--requirement", str(_PINS), "--no-deps"),
    *("--disable-pip", "--timeout", "5", "--progress-spinner", "off", "--format", "json"),
]
# Errors of requests and pip-audit for a service that does not answer as expected.
_NO_ANSWER = ("ConnectionError", "Could not connect", "Timeout", "SSLError", "ServiceError")


def main() -> int:
    """Prints known vulnerabilities; returns 1 if there are any or if pip-audit fails."""
    done = subprocess.run(_COMMAND, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        if not any(word in done.stderr for word in _NO_ANSWER):
            print(done.stderr, file=sys.stderr)
            return 1
        packages = []
    # A mirror that only serves packages reports every package as unknown.
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        print("not audited: PyPI's list of vulnerabilities cannot be reached from here")
        return 0
    flaws = [(package, flaw) for package in known for flaw in package["vulns"]]
    for package, flaw in flaws:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    print(f"audited {len(known)} of {len(packages)} packages, {len(flaws)} vulnerabilities")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
