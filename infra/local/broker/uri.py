"""URI references as Go's net/url reads and writes them, for the attributes `source` and `dataschema`.

Knative passes both through that parser, so `not a uri` arrives as `not%20a%20uri` and `:` is refused. Covers what
events carry; the authority is kept as it came.
"""

import re
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_VALID_PATH = re.compile(r"(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@/\[\]]|%[0-9A-Fa-f]{2})*\Z")
_VALID_FRAGMENT = re.compile(r"(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@/?\[\]]|%[0-9A-Fa-f]{2})*\Z")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def normalise_uri_reference(text: str) -> str:
    """The reference as Go's `url.Parse(text).String()` gives it.

    Raises:
        ValueError: Go would not parse it.
    """
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise ValueError("a URI must not contain control characters")
    rest, hash_mark, fragment = text.partition("#")
    scheme_match = _SCHEME.match(rest)
    scheme, rest = (scheme_match[1].lower() + ":", scheme_match[2]) if scheme_match else ("", rest)
    path, question_mark, query = rest.partition("?")
    if not scheme and ":" in path.split("/", 1)[0]:
        raise ValueError(f"{text!r} is no URI: its first segment has a colon, but no scheme")
    tail = question_mark + query + hash_mark + _escape(fragment, _VALID_FRAGMENT, "/?")
    if scheme and not path.startswith("/"):
        return scheme + path + tail
    authority = ""
    if path.startswith("//"):
        host, slash, below = path[2:].partition("/")
        authority, path = "//" + host, slash + below
    return scheme + authority + _escape(path, _VALID_PATH, "/") + tail


def is_absolute_uri(text: str) -> bool:
    """Whether the reference begins with a scheme."""
    return _SCHEME.match(text) is not None


def _escape(part: str, valid: re.Pattern[str], separators: str) -> str:
    if _BAD_ESCAPE.search(part):
        raise ValueError(f"{part!r} has an invalid percent escape")
    return part if valid.match(part) else quote(unquote(part), safe=separators + "$&+,:;=@-_.~")
