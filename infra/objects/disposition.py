"""The Content-Disposition header of a download (RFC 6266, RFC 8187). Pure."""

from urllib.parse import quote


def attachment(filename: str) -> str:
    """An attachment of this name: plain ASCII for old clients, UTF-8 for all others. Control characters and path separators become `_`."""
    safe = "".join("_" if ch in '/\\"%' or not ch.isprintable() else ch for ch in filename) or "download"
    ascii_name = safe.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(safe, safe='', errors='replace')}"
