"""What one check found."""

from dataclasses import dataclass
from enum import Enum

WIDTH = 9
INSTALL = "`make up` installs everything that requirements.lock names"


class Weight(Enum):
    """How much a finding matters."""

    OK = "ok"
    WORSE = "worse"  # it works without, less well or less safely
    MISSING = "missing"  # it does not work without


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`mend` says what to do about it, empty where nothing has to be done."""

    check: str
    weight: Weight
    found: str
    mend: str = ""


def in_words(finding: Finding) -> str:
    """One line, and the mending on a second."""
    line = f"{finding.weight.value:8} {finding.check:{WIDTH}} {finding.found}"
    return f"{line}\n{'':8} {'':{WIDTH}} → {finding.mend}" if finding.mend else line
