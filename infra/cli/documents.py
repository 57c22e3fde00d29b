"""The API's documents in words for a terminal. Pure.

Names and messages come from other people's files, so nothing that a terminal would obey gets through `plain`.
"""

import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

_EXTENSIONS = {"image/webp": ".webp", "image/avif": ".avif", "application/x-npy": ".npy"}
"""Those that not every Python's list of types has."""


def extension_of(content_type: str) -> str:
    """`.jpg` of image/jpeg; empty where nobody knows one."""
    return _EXTENSIONS.get(content_type) or mimetypes.guess_extension(content_type) or ""


def plain(text: object) -> str:
    """The text on one line, with a replacement for whatever is not printable."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def task_labels(tasks: Sequence[Document]) -> list[str]:
    """A name for each task of a job: its operation, with the parameters that tell it from others of that operation."""
    return [" ".join([task["operation"], *map(str, _telling(task, tasks))]) for task in tasks]


def _telling(task: Document, tasks: Sequence[Document]) -> list[Any]:
    others = [other["parameters"] for other in tasks if other["operation"] == task["operation"]]
    return [value for name, value in task["parameters"].items() if any(other.get(name) != value for other in others)]


def media_in_words(media: Document) -> str:
    """`accepted, video 1280×720, 8.0 s`."""
    facts = media["facts"]
    if facts is None:
        return str(media["state"])
    size = f" {facts['width_px']}×{facts['height_px']}" if facts["width_px"] else ""
    return f"{media['state']}, {facts['kind']}{size}" + (f", {facts['duration_ms'] / 1000:.1f} s" if facts["duration_ms"] else "")


def artifact_size(artifact: Document) -> str:
    """`320×213`, empty for what has no picture."""
    return f"{artifact['width_px']}×{artifact['height_px']}" if artifact["width_px"] else ""


def artifact_names(artifacts: Sequence[Document], stem: str = "") -> list[str]:
    """A file name for each artifact of one media, all different: operation, parameters, extension.

    The same artifact has the same name every time. What the extension says already (`webp`) is not said twice.

    Args:
        stem: comes first, such as the original's name; whatever a path could be made of is taken out of it.
    """
    names: list[str] = []
    for artifact in artifacts:
        extension = extension_of(artifact["content_type"])
        values = [str(value) for value in artifact["parameters"].values() if f".{value}" != extension]
        base = safe_name("-".join(part for part in (stem[:80], artifact["operation"], *values) if part))
        taken = sum(name == base + extension or name.startswith(f"{base}~") for name in names)
        names.append(f"{base}~{taken + 1}{extension}" if taken else base + extension)
    return names


def safe_name(name: str) -> str:
    """A single path segment: no separators, no control characters, not hidden, at most 200 bytes."""
    flat = plain(name).replace("/", "_").replace("\\", "_").lstrip(".") or "_"
    return flat.encode()[:200].decode(errors="ignore")
