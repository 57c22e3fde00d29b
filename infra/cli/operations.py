"""What people write after `--op`, as what `POST /jobs` takes. Whether there is such an operation is the gateway's to say."""

import json
from typing import Any

import click

Wish = str | dict[str, Any]
"""An operation's name or alias, or `{"operation", "parameters"}`."""


class Operation(click.ParamType[Wish]):
    """`NAME` or `NAME:param=value,…`."""

    name = "NAME[:param=value,…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Wish:
        try:
            return parse(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


def parse(text: str) -> Wish:
    """One operation. A value that reads as a JSON number, true or false is that; any other is text.

    Raises:
        ValueError: one sentence what is wrong.
    """
    name, colon, rest = text.partition(":")
    if not name.strip():
        raise ValueError(f"{text!r} names no operation; an example is transcode:short_side_px=720")
    if not colon:
        return name.strip()
    parameters: dict[str, Any] = {}
    for pair in rest.split(","):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise ValueError(f"{pair!r} in {text!r} is no param=value; an example is transcode:short_side_px=720")
        if key in parameters:
            raise ValueError(f"{text!r} gives {key} twice")
        parameters[key] = _value(value)
    return {"operation": name.strip(), "parameters": parameters}


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float) else text
