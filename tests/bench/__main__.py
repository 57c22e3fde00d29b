"""`python -m tests.bench`: every benchmark, one after the other, each a table of ours beside the bare tool.

Ratios count, not milliseconds.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Runs every bench_*.py in a process of its own; the exit status is that of the worst."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}\n", flush=True)
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    worst = 0
    for name in names:
        print(f"## {name.removeprefix('bench_')}\n", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode)
        print(flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
