"""How an upload is cut into parts, and whether the parts that are named make up what was promised. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from schemas.errors import FieldProblem

MIN_PART_BYTES: Final = 8 * 2**20
"""Above S3's 5 MiB, and what one broken connection costs."""
MOST_PARTS: Final = 1000
"""S3 allows 10,000; each is a URL in the grant."""
MULTIPART_ABOVE_BYTES: Final = 64 * 2**20
_MIB: Final = 2**20


def part_bytes(size_bytes: int) -> int:
    """How long each part but the last is, in whole MiB: at least 8, and at most a thousand parts."""
    return max(MIN_PART_BYTES, -(-size_bytes // (MOST_PARTS * _MIB)) * _MIB)


def cut(size_bytes: int, part: int) -> dict[int, int]:
    """The parts of an upload: number, from 1, to bytes."""
    count = -(-size_bytes // part)
    return {number: min(part, size_bytes - (number - 1) * part) for number in range(1, count + 1)}


def check(named: Sequence[tuple[int, str]], there: Mapping[int, tuple[str, int]], promised_bytes: int) -> list[FieldProblem]:
    """What is wrong with a completion.

    Args:
        named: number and ETag of each part.
        there: ETag and bytes by number, as the store has them.
    """
    problems = list(_unknown(named, there))
    if not problems and (sent := sum(there[number][1] for number, _ in named)) != promised_bytes:
        problems.append(FieldProblem(field="parts", message=f"they have {sent} bytes together", allowed=f"{promised_bytes}, as promised"))
    return problems


def _unknown(named: Sequence[tuple[int, str]], there: Mapping[int, tuple[str, int]]) -> Iterator[FieldProblem]:
    seen = set()
    for number, etag in named:
        if number in seen:
            yield FieldProblem(field="parts", message=f"part {number} is named twice")
        elif number not in there:
            yield FieldProblem(field="parts", message=f"part {number} has not come")
        elif there[number][0] != etag:
            yield FieldProblem(field="parts", message=f"part {number} has another ETag", allowed=there[number][0])
        seen.add(number)
