"""The pages of the API's docs: whole from here, under a strict policy."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.web import access, auth, hardening
from gateway.web.app import ROUTES
from gateway.web.openapi import document
from gateway.web.routes.docs import CSP


@pytest.fixture(scope="module")
def app() -> Flask:
    app = Flask(__name__, static_folder=None)
    for routes in ROUTES:
        app.register_blueprint(routes)
    auth.install(app, required=True)
    app.after_request(hardening._harden)
    return app


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_document_is_served(app: Flask, client: FlaskClient) -> None:
    answer = client.get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.get_json() == document.build(app.url_map, access.ROUTES, keys_demanded=True)


def test_the_page_loads_what_is_served_here_and_nothing_else(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.content_type == "text/html; charset=utf-8"
    linked = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(linked) == 6
    for target in linked:
        assert target == "data:," or client.get(target).status_code == 200, target
    assert not re.search(r"<style|<script(?![^>]* src=)|style=|\son\w+=", page.text)


def test_its_policy_allows_this_origin_alone(client: FlaskClient) -> None:
    for path in ("/docs", "/docs/docs.js", "/docs/swagger-ui.css"):
        assert client.get(path).headers["Content-Security-Policy"] == CSP
    allowed = {source for directive in CSP.split(";") for source in directive.split()[1:]}
    assert allowed == {"'none'", "'self'", "data:"}
    assert re.search(r"img-src 'self' data:;", CSP)
    assert CSP.count("data:") == 1


def test_other_answers_keep_the_strictest_policy(client: FlaskClient) -> None:
    assert client.get("/openapi.json").headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_only_what_is_named_is_served(client: FlaskClient) -> None:
    assert client.get("/docs/swagger-ui-standalone-preset.js").status_code == 404
    assert client.get("/docs/..%2f..%2fapp.py").status_code == 404
