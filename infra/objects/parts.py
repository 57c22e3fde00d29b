"""What a multipart upload may be completed from, for the stores that judge it themselves. S3 does so on its own."""

from collections.abc import Mapping, Sequence

from infra.objects.port import MAX_PARTS, MIN_PART_BYTES, BadParts, Part


def check_number(number: int) -> None:
    """Raises BadParts."""
    if not 1 <= number <= MAX_PARTS:
        raise BadParts(f"A part's number is 1 to {MAX_PARTS}, not {number}.")


def check_parts(there: Mapping[int, Part], named: Sequence[tuple[int, str]]) -> None:
    """Each part is named once, in order, is there with its ETag, and is long enough if it is not the last.

    Args:
        there: the parts that have come, by number.
        named: number and ETag of each that is to be joined.

    Raises:
        BadParts.
    """
    if not named or [number for number, _ in named] != sorted({number for number, _ in named}):
        raise BadParts("The parts must be named once each, by number.")
    for number, etag in named:
        if number not in there or there[number].etag != etag:
            raise BadParts(f"Part {number} is not there with the ETag {etag}.")
    for number, _ in named[:-1]:
        if there[number].bytes < MIN_PART_BYTES:
            raise BadParts(f"Part {number} has {there[number].bytes} bytes; all but the last have at least {MIN_PART_BYTES}.")
