"""infra/compose.yaml agrees with the rest: images with the Dockerfile, variables with the settings, commands and limits with knative/base,
the broker's copy of the manifests with the original. Nothing is started."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.media.formats import MediaLimits
from functions.runtime.settings import Settings as FunctionSettings
from gateway.settings import Settings as GatewaySettings
from infra.bucket_source.settings import Settings as BucketSourceSettings
from infra.cli.init import InitSettings
from infra.local.broker.spec import effective_delivery, parse_broker, parse_trigger
from infra.local.manifests import Manifests, read_manifests
from infra.local.plan import make_plan
from infra.local.ports import Ports
from infra.local.values import Values, read_values
from schemas.catalogue import CATALOGUE

REPOSITORY = Path(__file__).resolve().parents[2]
INFRA = REPOSITORY / "infra"
COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("darkroom/")}
DOCKERFILE = (INFRA / "containers" / "Dockerfile").read_text()
BASE = [
    document
    for path in (REPOSITORY / "knative" / "base").rglob("*.yaml")
    if path.name != "kustomization.yaml"
    for document in yaml.safe_load_all(path.read_text())
]
PODS = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in BASE if "template" in one.get("spec", {})}


def variables(text: object) -> set[str]:
    """Every ${NAME} in a value."""
    return set(re.findall(r"\$\{([A-Z_]+)", str(text)))


def test_every_image_built_has_a_target() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    built = {service["image"]: service["build"] for service in OURS.values() if "build" in service}
    assert {service["image"] for service in OURS.values()} == built.keys()
    for image, build in built.items():
        assert (INFRA / build["context"]).resolve() == REPOSITORY
        assert (REPOSITORY / build["dockerfile"]).exists()
        assert build["target"] in targets
        assert image == f"darkroom/{build['target']}:0.1.0"
        assert build["args"].keys() == set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))


def test_images_are_pinned() -> None:
    for name, service in SERVICES.items():
        default = re.sub(r"\$\{\w+:-(.*)\}", r"\1", service["image"])
        assert re.fullmatch(r"[a-z0-9./-]+:[A-Za-z0-9.-]+", default), name
        assert not default.endswith(":latest")


def test_the_base_image_is_one_patch_release_everywhere() -> None:
    """A tag of a minor release moves; a patch release's moves only as Debian's own fixes are taken in."""
    [base] = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base)
    assert {service["build"]["args"]["BASE"] for service in OURS.values() if "build" in service} == {"${BASE:-" + base + "}"}
    assert f"#BASE={base}\n" in (INFRA / ".env.example").read_text()


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    settings = {
        "gateway": (GatewaySettings,),
        "bucket-source": (BucketSourceSettings,),
        "init": (InitSettings,),
        "broker": (InitSettings,),  # DATABASE_URL alone
    }
    kind = next((kind for kind in settings if name.startswith(kind)), None)
    if kind:
        known = {field.upper() for model in settings[kind] for field in model.model_fields}
    else:
        known = {"FUNCTION_SOURCE", *re.findall(r"[A-Z]+_[A-Z_]+", FunctionSettings.__doc__ or "")}
        known |= {f"MEDIA_{field.upper()}" for field in MediaLimits.__dataclass_fields__}
    assert SERVICES[name]["environment"].keys() <= known | {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    if kind and kind != "broker":
        required = {field.upper() for model in settings[kind] for field, info in model.model_fields.items() if info.is_required()}
        assert required <= SERVICES[name]["environment"].keys()


def test_no_secret_is_in_the_file_and_every_one_is_in_the_example() -> None:
    example = (INFRA / ".env.example").read_text()
    offered = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert variables((INFRA / "compose.yaml").read_text()) <= offered
    secrets = (
        "POSTGRES_PASSWORD",
        "MINIO_ROOT_PASSWORD",
        "ATTEMPT_TOKEN_KEY",
        "WEBHOOK_TOKEN",
        "WEBHOOK_SIGNING_KEY",
        "GRAFANA_ADMIN_PASSWORD",
    )
    for secret in secrets:
        assert re.search(rf"^{secret}=$", example, re.MULTILINE), secret
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|KEY|DATABASE_URL|OBJECT_STORE_URL", variable):
                assert variables(value) & set(secrets), f"{name} {variable}"


def test_order_is_gated_by_health() -> None:
    """Whoever is waited for has a health check, of its image or here, or runs to its end."""
    for name, service in SERVICES.items():
        for waited, how in service.get("depends_on", {}).items():
            after = SERVICES[waited]
            checked = "healthcheck" in after or after["image"] in _checked_images()
            if how["condition"] == "service_completed_successfully":
                assert after["restart"] == "no"
            else:
                assert (how["condition"], checked, after.get("healthcheck", {}).get("disable")) == ("service_healthy", True, None), name
    assert set(_before("probe")) == {"gateway-internal", "init", "broker", "postgres", "minio"}
    assert set(_before("bucket-source")) == {"broker", "postgres"}


@pytest.mark.parametrize("name", OURS)
def test_every_process_that_stays_is_asked_how_it_is(name: str) -> None:
    """On the port that it has: the image's check asks 8080."""
    service = SERVICES[name]
    if service["restart"] == "no":
        assert service["healthcheck"] == {"disable": True}
    elif "healthcheck" in service:
        command = service["healthcheck"]["test"][-1]
        metrics = "9090" if name == "broker" else service["environment"]["METRICS_PORT"]
        assert command == f"PORT={metrics} python infra/containers/healthy.py /metrics"
    else:
        assert service["image"] in _checked_images()
        assert any(word.endswith(":8080") for word in service["command"])


def _checked_images() -> set[str]:
    """Images whose target, or the one it is from, has a HEALTHCHECK."""
    stages = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    found: set[str] = set()
    for parent, name, body in zip(stages[1::3], stages[2::3], stages[3::3], strict=True):
        if "HEALTHCHECK" in body or parent in found:
            found.add(name)
    return {f"darkroom/{name}:0.1.0" for name in found}


def _before(name: str) -> Iterator[str]:
    for waited in SERVICES[name].get("depends_on", {}):
        yield waited
        yield from _before(waited)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["/tmp"]
    assert "privileged" not in service
    assert "user" not in service  # the image's own: nobody


def test_images_run_as_nobody_and_have_no_syntax_line() -> None:
    for image in {service["build"]["target"] for service in OURS.values() if "build" in service}:
        body = re.split(rf"^FROM \S+ AS {image}$", DOCKERFILE, flags=re.MULTILINE)[1].partition("\nFROM ")[0]
        assert re.search(r"^USER 65532:65532$", body, re.MULTILINE), image
        assert "compileall" in body
    assert "# syntax=" not in DOCKERFILE


@pytest.mark.parametrize("name", sorted(OURS.keys() & PODS.keys()))
def test_commands_and_limits_are_the_manifests(name: str) -> None:
    container = PODS[name]["containers"][0]
    argv = [part.replace("$(HOST)", "0.0.0.0").replace("$(PORT)", "8080") for part in [*container["command"], *container["args"]]]
    assert SERVICES[name]["command"] == argv
    assert SERVICES[name]["image"] == container["image"]
    assert SERVICES[name]["mem_limit"] == container["resources"]["limits"]["memory"].removesuffix("i").lower()


def test_everything_of_base_is_there_and_every_function_answers_by_name() -> None:
    assert PODS.keys() <= SERVICES.keys()
    for name in CATALOGUE:
        assert SERVICES[name]["environment"]["FUNCTION_SOURCE"] == f"functions/{name}/main.py"
    assert SERVICES["embed-gpu"]["networks"]["default"]["aliases"] == ["embed"]


def test_as_many_are_out_as_on_a_cluster() -> None:
    for name in ("gateway", "gateway-internal", "gateway-worker"):
        slots = SERVICES[name]["environment"]["SLOTS"].replace("${TRANSCODE_SLOTS:-2}", "2")
        assert json.loads(slots) == GatewaySettings.model_fields["slots"].default


def test_nothing_goes_out_on_a_lane_that_is_not_here() -> None:
    for name in ("gateway", "gateway-internal", "gateway-worker"):
        assert json.loads(SERVICES[name]["environment"]["JOB_SLOTS"]) == {}


def test_ports_are_this_machines_own() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "postgres": ["127.0.0.1:${POSTGRES_PORT:-5432}:5432"],
        "minio": ["127.0.0.1:${OBJECTS_PORT:-9001}:9000"],
        "gateway": ["127.0.0.1:${GATEWAY_PORT:-8000}:8080"],
        "grafana": ["127.0.0.1:${GRAFANA_PORT:-3000}:3000"],
    }


def test_profiles() -> None:
    named = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert named == {"embed-gpu": ["gpu"], "prometheus": ["monitoring"], "grafana": ["monitoring"]}


def test_the_brokers_manifests_are_bases() -> None:
    """But for the sinks, which are addresses here; what goes to a JobSink stays out."""
    ours = read_manifests([INFRA / "compose" / "broker"])
    base = [one for one in BASE if one["kind"] == "Trigger" and one["spec"]["subscriber"].get("ref", {}).get("kind") != "JobSink"]
    [broker] = [parse_broker(one) for one in BASE if one["kind"] == "Broker"]
    [our_broker] = ours.brokers
    originals = {one["metadata"]["name"]: parse_trigger(one) for one in base}
    copies = {trigger.name: trigger for trigger in ours.triggers}
    assert copies.keys() == originals.keys()
    for name, copy in copies.items():
        original = originals[name]
        assert (copy.namespace, copy.broker, copy.filters, copy.legacy_filter) == (
            "darkroom",
            "default",
            original.filters,
            original.legacy_filter,
        )
        mine, theirs = effective_delivery(copy, our_broker), effective_delivery(original, broker)
        assert [(d.retry, d.backoff_policy, d.backoff_delay_s, d.timeout_s) for d in (mine,)] == [
            (d.retry, d.backoff_policy, d.backoff_delay_s, d.timeout_s) for d in (theirs,)
        ]
        assert original.subscriber.ref is not None
        assert copy.subscriber.uri == f"http://{original.subscriber.ref[3]}:8080{original.subscriber.path or ''}"
    assert our_broker.delivery.dead_letter_sink is not None
    assert our_broker.delivery.dead_letter_sink.uri == "http://gateway-internal:8080/internal/dead-letters"
    assert not _processes(ours)


def _processes(manifests: Manifests) -> list[object]:
    return [*manifests.services, *manifests.deployments, *manifests.core_services]


def test_the_broker_listens_where_its_values_say() -> None:
    ports = Ports("127.0.0.1")
    free = ports.take()
    ports.give_back(free)
    plan = make_plan(read_manifests([INFRA / "compose" / "broker"]), Values(ports={"broker": free}), ports, "127.0.0.1", metrics_port=1)
    assert plan.broker_urls == {"darkroom/default": f"http://127.0.0.1:{free}/darkroom/default"}


def test_the_brokers_address_is_where_events_are_sent() -> None:
    values = read_values(INFRA / "compose" / "broker" / "values.json")
    assert values.ports == {"broker": 8080, "metrics": 9090}
    for name in ("gateway", "gateway-internal", "gateway-worker", "bucket-source"):
        assert SERVICES[name]["environment"]["K_SINK"] == "http://broker:8080/darkroom/default"
    scraped = yaml.safe_load((INFRA / "monitoring" / "prometheus.yaml").read_text())["scrape_configs"]
    assert {target for job in scraped for each in job.get("static_configs", ()) for target in each["targets"]} == {
        "gateway:9090",
        "gateway-internal:8080",
        "gateway-worker:9090",
        "broker:9090",
    }


def compose() -> list[str]:
    """docker compose, or docker-compose; skips where there is neither, fails where CI is set."""
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    reason = "neither docker compose nor docker-compose is here"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("profiles", [(), ("gpu",), ("monitoring",), ("gpu", "monitoring")], ids="+".join)
def test_docker_compose_finds_the_file_valid(profiles: tuple[str, ...], tmp_path: Path) -> None:
    """Whether an engine runs or not; with each secret given."""
    example = (INFRA / ".env.example").read_text()
    (tmp_path / "env").write_text(re.sub(r"^([A-Z_]+)=$", r"\1=secret", example, flags=re.MULTILINE))
    argv = [*compose(), "--env-file", str(tmp_path / "env"), "-f", str(INFRA / "compose.yaml")]
    argv += [word for profile in profiles for word in ("--profile", profile)]
    done = subprocess.run([*argv, "config", "--services"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    chosen = {name for name, service in SERVICES.items() if set(service.get("profiles", profiles)) <= set(profiles)}
    assert chosen <= set(done.stdout.split())  # docker-compose 1 lists every one
