"""Configuration and alerts, by Prometheus' own tool; and that there is one set of them."""

import re
import subprocess
from pathlib import Path

import yaml

from tests.acceptance.system import REPOSITORY
from tests.monitoring.prometheus import tool

MONITORING = REPOSITORY / "infra" / "monitoring"
RULES = MONITORING / "rules.yaml"


def promtool(*argv: str | Path) -> None:
    done = subprocess.run([tool("promtool"), *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_valid() -> None:
    promtool("check", "config", MONITORING / "prometheus.yaml")
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", REPOSITORY / "tests" / "monitoring" / "rules_test.yaml")


def test_each_alert_has_a_case_that_fires_one_that_does_not_and_a_page() -> None:
    alerts = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    cases = yaml.safe_load((REPOSITORY / "tests" / "monitoring" / "rules_test.yaml").read_text())["tests"]
    tried = [one for case in cases for one in case["alert_rule_test"]]
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == alerts
    assert {one["alertname"] for one in tried if not one.get("exp_alerts")} == alerts
    assert set(re.findall(r"^### (\w+)", (REPOSITORY / "docs" / "monitoring.md").read_text(), re.MULTILINE)) == alerts


def test_a_cluster_has_the_same_alerts() -> None:
    operator = yaml.safe_load((REPOSITORY / "knative" / "components" / "monitoring" / "rules.yaml").read_text())
    assert operator["spec"] == yaml.safe_load(RULES.read_text())
