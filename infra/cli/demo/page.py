"""The page of a demo's results: one file of HTML with the artifacts beside it. Pure text; writing is run.py's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table: an operation on a media, or the verdict on one that has none."""

    media: str
    operation: str
    result: str
    bytes: int | None = None
    seconds: float | None = None
    url: str = ""
    file: str = ""  # of the copy beside the page
    content_type: str = ""
    problems: Sequence[str] = field(default_factory=tuple)


STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem}
figure{margin:0;padding:.8rem;border:1px solid #8884;border-radius:.5rem}img,video{max-width:100%;max-height:15rem;border-radius:.3rem}
figcaption b{overflow-wrap:anywhere}small{color:#888}.bad{color:#d2402c}
"""


def page(lines: Sequence[Line], *, took_s: float) -> str:
    """All results, a figure for each media."""
    names = list(dict.fromkeys(line.media for line in lines))
    figures = "\n".join(_figure(name, [line for line in lines if line.media == name]) for name in names)
    wrong = sum(1 for line in lines if line.problems)
    verdict = "everything as expected" if not wrong else f"{wrong} results are not as expected"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Darkroom: demo</title><style>{STYLE}</style>'
        f"<h1>Darkroom: {len(names)} media developed in {took_s:.0f} s, {verdict}</h1>\n<div class=grid>\n{figures}\n</div></html>\n"
    )


def _figure(name: str, lines: Sequence[Line]) -> str:
    shown = "".join(_shown(line) for line in lines)
    items = "".join(f"<li>{_words(line)}</li>" for line in lines)
    return f"<figure>{shown}<figcaption><b>{escape(name)}</b><ul>{items}</ul></figcaption></figure>"


def _shown(line: Line) -> str:
    if line.content_type.startswith("image/"):
        return f'<img src="{escape(line.file)}" alt="thumbnail of {escape(line.media)}">'
    if line.content_type.startswith("video/"):
        return f'<video src="{escape(line.file)}" controls muted preload="metadata"></video>'
    return ""


def _words(line: Line) -> str:
    size = f" <small>{line.bytes:,} bytes</small>" if line.bytes is not None else ""
    took = f" <small>{line.seconds:.2f} s</small>" if line.seconds is not None else ""
    wrong = f' <span class="bad">{escape("; ".join(line.problems))}</span>' if line.problems else ""
    name = f'<a href="{escape(line.file)}">{escape(line.operation)}</a>' if line.file else escape(line.operation)
    return f"{name}: {escape(line.result)}{size}{took}{wrong}"
