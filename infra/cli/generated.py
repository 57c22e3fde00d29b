"""Pages of docs/ that a program writes: written anew, or, with `--check`, only held against what it would write."""

import sys
from pathlib import Path


def keep_current(file: Path, text: str, module: str) -> int:
    """Writes the page. With `--check` among the command's arguments it writes nothing, and says whether the page is current.

    Args:
        module: what writes it, for the sentence that says what to run.

    Returns:
        The exit status: 1 for a page that is not current.
    """
    if "--check" not in sys.argv[1:]:
        file.write_text(text)
        return 0
    if file.exists() and file.read_text() == text:
        return 0
    print(f"docs/{file.name} is not current; run python -m {module}", file=sys.stderr)
    return 1
