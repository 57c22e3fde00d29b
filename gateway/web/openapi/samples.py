"""Runnable examples of a call, for a shell and for Python: the gateway, the key and the ids come from the environment."""

import json
import re
from collections.abc import Mapping
from typing import Any

from gateway.web.openapi.parts import Call

_ID = re.compile(r"\{(\w+)\}")
_VARIABLE = re.compile(r'"\$([A-Z_]+)"')


def markdown(method: str, path: str, call: Call, *, with_key: bool) -> str:
    """Both, as Markdown."""
    target = _ID.sub(lambda found: "$" + found.group(1).upper(), path) + call.query
    return f"```sh\n{_curl(method, target, call, with_key)}\n```\n\n```python\n{_python(method, target, call, with_key)}\n```"


def _curl(method: str, target: str, call: Call, with_key: bool) -> str:
    options = [] if method == "GET" or (method == "POST" and _has_body(call)) else [f"-X {method}"]
    if with_key:
        options.append('-H "Authorization: Bearer $DARKROOM_API_KEY"')
    if call.json is not None:
        text = _VARIABLE.sub(r'''"'"$\1"'"''', json.dumps(call.json))
        options += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    if call.form_file is not None:
        options.append(f"-F file=@{call.form_file}")
    if call.body_file is not None:
        options += [f"-H 'Content-Type: {call.content_type}'", f"--data-binary @{call.body_file}"]
    how = f"-L -o {call.save_as}" if call.save_as else "-i -N" if call.is_stream else "-i"
    return " ".join([f"curl -sS {how}", *options, f'"$DARKROOM{target}"'])


def _python(method: str, target: str, call: Call, with_key: bool) -> str:
    path = re.sub(r"\$([A-Z_]+)", r"{os.environ['\1']}", target)
    given = [f"f\"{{os.environ['DARKROOM']}}{path}\""]
    if with_key:
        given.append('headers={"Authorization": f"Bearer {os.environ[\'DARKROOM_API_KEY\']}"}')
    if call.json is not None:
        given.append(f"json={_literal(call.json)}")
    if call.form_file is not None:
        given.append(f'files={{"file": open("{call.form_file}", "rb")}}')
    if call.body_file is not None:
        given.append(f'data=open("{call.body_file}", "rb")')
        given = [*(g for g in given if not g.startswith("headers=")), _headers(call.content_type, with_key)]
    if call.is_stream:
        given.append("stream=True")
    lines = ["import os", "", "import requests", "", f"answer = requests.{method.lower()}({', '.join(given)})"]
    if call.is_stream:
        lines += ["for line in answer.iter_lines(decode_unicode=True):", "    print(line, flush=True)"]
    elif call.save_as:
        lines.append(f'open("{call.save_as}", "wb").write(answer.content)')
    else:
        lines.append("print(answer.status_code, answer.text)")
    return "\n".join(lines)


def _headers(content_type: str, with_key: bool) -> str:
    key = ', "Authorization": f"Bearer {os.environ[\'DARKROOM_API_KEY\']}"' if with_key else ""
    return f'headers={{"Content-Type": "{content_type}"{key}}}'


def _literal(body: Mapping[str, Any]) -> str:
    """JSON as Python writes it, the variables looked up."""
    return _VARIABLE.sub(r'os.environ["\1"]', repr(json.loads(json.dumps(body))).replace("'", '"'))


def _has_body(call: Call) -> bool:
    return call.json is not None or call.form_file is not None or call.body_file is not None
