"""The OpenAPI document agrees with the routes, the models and the specification."""

import re
from typing import Any

import jsonschema
import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.routing import Rule

from gateway.web import access, problems
from gateway.web.app import ROUTES as BLUEPRINTS
from gateway.web.openapi import document, examples
from gateway.web.openapi.errors import MEANINGS

METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "trace")
BROWSERS_OWN = {"/", "/dashboard", "/docs", "/openapi.json"}


def application() -> Flask:
    app = Flask(__name__, static_folder=None)
    for routes in BLUEPRINTS:
        app.register_blueprint(routes)
    return app


@pytest.fixture(scope="module")
def app() -> Flask:
    return application()


@pytest.fixture(scope="module")
def whole(app: Flask) -> dict[str, Any]:
    return document.build(app.url_map, access.ROUTES, keys_demanded=True)


def operations(whole: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, one) for path, item in whole["paths"].items() for method, one in item.items() if method in METHODS]


def routed(rule: Rule) -> set[tuple[str, str]]:
    return {(method.lower(), document.path(rule)) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def test_it_is_openapi_3_1(whole: dict[str, Any]) -> None:
    assert whole["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(whole).iter_errors()) == []


def test_every_public_route_is_in_it_and_back(app: Flask, whole: dict[str, Any]) -> None:
    there = {(method, path) for method, path, _ in operations(whole)}
    rules = list(app.url_map.iter_rules())
    pages = {rule.rule for rule in rules if rule.endpoint.startswith(("pages.", "docs."))}
    assert there == {one for rule in rules if rule.rule not in pages for one in routed(rule)}
    assert {page for page in pages if "<" not in page} == BROWSERS_OWN


def test_a_route_that_nothing_describes_is_refused() -> None:
    app = application()
    app.add_url_rule("/secret", "secrets.get_secret", lambda: "")
    with pytest.raises(LookupError, match="get_secret"):
        document.build(app.url_map, access.ROUTES, keys_demanded=True)


def test_every_example_fits_its_schema(whole: dict[str, Any]) -> None:
    seen = 0
    for schema, value in _examples(whole, whole):
        jsonschema.Draft202012Validator({**schema, "components": whole["components"]}, format_checker=jsonschema.FormatChecker()).validate(
            value
        )
        seen += 1
    assert seen > 50


def _examples(whole: dict[str, Any], node: Any) -> list[tuple[dict[str, Any], Any]]:
    if isinstance(node, list):
        return [one for item in node for one in _examples(whole, item)]
    if not isinstance(node, dict):
        return []
    found = [one for key, item in node.items() if key not in ("example", "examples", "schemas") for one in _examples(whole, item)]
    if "schema" in node:
        values = [node["example"]] if "example" in node else [one["value"] for one in node.get("examples", {}).values()]
        values += node["schema"].get("examples", [])
        found += [(node["schema"], value) for value in values]
    return found


def test_every_document_and_body_has_an_example(whole: dict[str, Any]) -> None:
    """Those that are not the whole of a body or an answer are parts of those that are."""
    for _, path, operation in operations(whole):
        contents = [operation.get("requestBody", {}), *(answer for answer in operation["responses"].values() if "$ref" not in answer)]
        for kind, media in ((kind, media) for one in contents for kind, media in one.get("content", {}).items()):
            assert kind != "application/json" or "example" in media or "examples" in media, path


@pytest.mark.parametrize("name", [name for name in vars(examples) if name.isupper()])
def test_an_example_is_what_its_model_reads_again(name: str) -> None:
    example = getattr(examples, name)
    if hasattr(example, "model_dump_json"):
        assert type(example).model_validate_json(example.model_dump_json(by_alias=True)) == example


def test_every_refusal_is_a_problem_document(whole: dict[str, Any]) -> None:
    assert {int(status) for status in whole["components"]["responses"]} == problems.TITLES.keys() == MEANINGS.keys()
    for method, path, operation in operations(whole):
        refused = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert "400" in refused, (method, path)
        if path == "/readyz":
            del refused["503"]
        assert all(answer == {"$ref": f"#/components/responses/{status}"} for status, answer in refused.items()), (method, path)


def test_a_key_is_named_where_one_is_needed(app: Flask, whole: dict[str, Any]) -> None:
    endpoints = {one: rule.endpoint for rule in app.url_map.iter_rules() for one in routed(rule)}
    keyless = document.build(app.url_map, access.ROUTES, keys_demanded=False)
    for method, path, operation in operations(whole):
        needs = access.ROUTES[endpoints[method, path]]
        assert operation["security"] == ([] if needs == access.OPEN else [{"key": []}, {"session": []}])
        assert needs == access.OPEN or {} in keyless["paths"][path][method]["security"]
        assert needs in (access.OPEN, access.ANY) or f"`{needs}`" in operation["description"]


def test_every_operation_can_be_run_in_a_shell_and_in_python(whole: dict[str, Any]) -> None:
    for method, path, operation in operations(whole):
        (shell,) = re.findall(r"```sh\n(.*?)\n```", operation["description"], re.DOTALL)
        (python,) = re.findall(r"```python\n(.*?)\n```", operation["description"], re.DOTALL)
        assert shell.startswith("curl "), (method, path)
        compile(python, path, "exec")


def test_the_operations_of_a_job_are_the_catalogues(whole: dict[str, Any]) -> None:
    item = whole["components"]["schemas"]["JobBody"]["properties"]["operations"]["items"]
    validator = jsonschema.Draft202012Validator(item)
    assert validator.is_valid("transcode_480p")
    assert validator.is_valid({"operation": "transcode", "parameters": {"short_side_px": 720}})
    assert not validator.is_valid("probe")
    assert not validator.is_valid({"operation": "transcode", "parameters": {"short_side_px": 7200}})
    assert not validator.is_valid({"operation": "thumbnail", "parameters": {"short_side_px": 720}})
