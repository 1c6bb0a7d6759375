"""What is installed with us: every library with its licence, and its known vulnerabilities: `make audit`.

Works without a network: then the second part says that it was not done.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|HPND|Historical Permission|Zlib|0BSD|Unlicense|CC0|BlueOak|LLVM",
    re.IGNORECASE,
)
# Weak copyleft: used as they are, as libraries of their own, which their licence allows.
ALLOWED = re.compile(r"MPL|Mozilla Public License", re.IGNORECASE)
# Programs of their own, run by developers; never imported, never shipped.
TOOLS = {"codespell": "GPL-2.0, a program that checks spelling"}
NO_NETWORK = ("ConnectionError", "NameResolutionError", "Max retries", "ServiceError", "timed out", "ProxyError")


def pinned() -> list[tuple[str, str]]:
    """Name and version of every library in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [(line.split("==")[0], line.split("==")[1]) for line in lines if "==" in line and not line.startswith("#")]


def licence(found: Distribution) -> str:
    """What a library says of its licence: the expression, else its classifiers, else the first line of the text."""
    about = found.metadata.json
    if said := about.get("license_expression"):
        return str(said)
    classes = [line.rpartition(" :: ")[2] for line in about.get("classifier") or [] if "License ::" in line]
    text = str(about.get("license") or "").strip().splitlines()
    return ", ".join(classes) or (text[0][:60] if text else "not stated")


def inventory() -> list[tuple[str, str, str, str]]:
    """Name, version, licence and verdict ("", "look", "absent") of every pinned library."""
    rows = []
    for name, version in pinned():
        try:
            found = distribution(name)
        except ModuleNotFoundError:
            rows.append((name, version, "", "absent"))
            continue
        said = licence(found)
        known = PERMISSIVE.search(said) or ALLOWED.search(said)
        rows.append((name, found.version, said, "" if known else "tool" if name in TOOLS else "look"))
    return rows


def vulnerable() -> int:
    """Ask for known vulnerabilities; 1 if there are some, 0 if none or if nobody can be asked."""
    if shutil.which("pip-audit") is None and not (Path(sys.executable).parent / "pip-audit").exists():
        print("\nvulnerabilities: not asked for, pip-audit is not installed (pip install pip-audit)")
        return 0
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(ROOT / "constraints.txt"),
        "--no-deps",
        "--disable-pip",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and any(sign in done.stderr for sign in NO_NETWORK):
        print("\nvulnerabilities: not asked for, there is no network")
        return 0
    print(f"\nvulnerabilities:\n{done.stdout}{done.stderr}")
    return int(done.returncode != 0)


def main() -> int:
    """Print the inventory; 1 where a licence is not among those known, or a vulnerability is."""
    rows = inventory()
    for name, version, said, verdict in rows:
        print(f"{name:28} {version:14} {said:60} {verdict}")
    unknown = [name for name, _, _, verdict in rows if verdict == "look"]
    counts = f"{len(rows)} libraries, {sum(verdict == 'absent' for *_, verdict in rows)} of them not installed here"
    print(f"\n{counts}; licences to look at: {', '.join(unknown) or 'none'}")
    return int(bool(unknown)) | vulnerable()


if __name__ == "__main__":
    sys.exit(main())
