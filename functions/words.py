"""Sizes as a sentence for people has them."""

_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"))


def in_words(count: int) -> str:
    """Bytes: `2 GiB`, `1.5 MiB`, `900 bytes`."""
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"
