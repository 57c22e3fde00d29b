"""The operation catalogue: every operation's name, version, kinds, parameters, deadline and cost, as their folders declare them.

The gateway validates and predicts with it, the functions read deadlines from it, the documentation lists it. How an operation works
is its function's business. The catalogue is made once, at import, of what is installed: the one place here that looks at a folder.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from schemas.errors import FieldProblem, InvalidParameters, UnknownOperation
from schemas.operation import Operation
from schemas.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client asked for, in canonical form: an operation and its complete parameters."""

    operation: Operation
    parameters: Parameters

    @property
    def identity(self) -> tuple[str, str]:
        return self.operation.name, self.parameters.canonical()


def declared(package: str = "functions") -> tuple[Operation, ...]:
    """Every `OPERATION` of a module `operation` in a folder of this package, by name.

    Raises:
        TypeError: what is declared is no Operation, or is not named as its folder.
    """
    folders = [folder for path in importlib.import_module(package).__path__ for folder in Path(path).iterdir()]
    found = []
    for name in sorted(folder.name for folder in folders if (folder / "operation.py").is_file()):
        operation = getattr(importlib.import_module(f"{package}.{name}.operation"), "OPERATION", None)
        if not isinstance(operation, Operation) or operation.name != name:
            raise TypeError(f"{package}/{name}/operation.py must declare OPERATION, an Operation named {name!r}")
        found.append(operation)
    return tuple(found)


_ALL = declared()
CATALOGUE: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _ALL})
DEFAULT_OPERATIONS = ("thumbnail",)


def names() -> tuple[str, ...]:
    """Every name that a client may use: operations, then aliases."""
    public = [operation for operation in _ALL if operation.named_by_clients]
    return tuple(o.name for o in public) + tuple(alias for o in public for alias in o.aliases)


def resolve(name: str, values: Mapping[str, Any] | None = None) -> Request:
    """A client's words to a complete request.

    Args:
        name: an operation's name or an alias.
        values: parameters to set; what is missing takes its default. An alias has its own and takes none.

    Raises:
        UnknownOperation: no such name.
        InvalidParameters: values out of bounds, unknown, or given to an alias.
    """
    for operation in _ALL:
        if not operation.named_by_clients:
            continue
        if name in operation.aliases:
            if values:
                problem = FieldProblem(field="parameters", message=f"{name} is an alias and takes none", allowed=operation.name)
                raise InvalidParameters(name, [problem])
            return Request(operation=operation, parameters=operation.aliases[name])
        if name == operation.name:
            return Request(operation=operation, parameters=_validated(operation, values or {}))
    raise UnknownOperation(name, names())


def _validated(operation: Operation, values: Mapping[str, Any]) -> Parameters:
    try:
        return operation.parameters.model_validate(dict(values), strict=True)
    except ValidationError as exc:
        properties = operation.parameters.model_json_schema()["properties"]
        raise InvalidParameters(operation.name, [_problem(error, properties) for error in exc.errors()]) from exc


def _problem(error: Any, properties: Mapping[str, Any]) -> FieldProblem:
    name = str(error["loc"][0]) if error["loc"] else "parameters"
    known = properties.get(name)
    if known is None:
        return FieldProblem(field=name, message="no such parameter", allowed=", ".join(properties) or "none")
    allowed = ", ".join(known["enum"]) if "enum" in known else f"{known['type']} from {known['minimum']} to {known['maximum']}"
    return FieldProblem(field=name, message=error["msg"], allowed=allowed)
