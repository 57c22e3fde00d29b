"""`python -m infra.cli.configuration`: writes docs/configuration.md out of the settings themselves; `--check` says whether it is current.

Names, defaults and meanings come from the settings models and from the dataclasses' docstrings. By hand is only what no model declares:
the two variables that are read on the spot, what the media limits bound, and what `darkroom up` decides itself.
"""

import re
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from functions.embed.openclip import OpenClipSettings
from functions.media.formats import MediaLimits
from functions.runtime.settings import Settings as FunctionSettings
from gateway.settings import Settings as GatewaySettings
from infra.bucket_source.settings import Settings as BucketSourceSettings
from infra.cli.generated import keep_current
from infra.cli.init import InitSettings
from infra.objects.listener.settings import Settings as ListenerSettings

FILE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
_ENTRY = re.compile(r"^\s+(\w+): ([A-Z][A-Z_]+)[,;.] ?(.*)$", re.MULTILINE)
_UNITS = (("GiB", 2**30), ("MiB", 2**20))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One variable. `default` is Markdown; empty where it must be set."""

    name: str
    default: str
    meaning: str


UP = (
    Row(name="DARKROOM_PORT", default="`8000`", meaning="the gateway's port where `--port` is not given"),
    Row(name="DATABASE_URL", default="an embedded PostgreSQL in `DIR/postgres`", meaning="a PostgreSQL of yours: ledger and broker use it"),
    Row(
        name="OBJECT_STORE_URL", default="the folder `DIR/objects`", meaning="an S3 store of yours; the folder's listener then does not run"
    ),
    Row(name="OBJECT_STORE_PUBLIC_URL", default="the store's own endpoint", meaning="the store's origin as clients see it"),
    Row(name="ATTEMPT_TOKEN_KEY", default="made once, kept in `DIR/secrets.json`", meaning="key of the attempt tokens"),
    Row(
        name="WEBHOOK_SIGNING_KEY",
        default="made once, kept in `DIR/secrets.json`",
        meaning="what every tenant's webhook secret is made of; `darkroom webhook-secret` says a tenant's",
    ),
    Row(name="WEBHOOK_TOKEN", default="made once, kept in `DIR/secrets.json`", meaning="the bearer token between store and bucket source"),
)
DECIDED_BY_UP = frozenset(
    {row.name for row in UP} | {"PUBLIC_URL", "K_SINK", "AUTOSCALER_METRICS_URL", "WEBHOOK_URL", "HOST", "PORT", "METRICS_PORT"}
)
"""Settings of gateway and listener that `darkroom up` gives itself; it passes all others on from its own environment."""

COMMANDS = (
    Row(name="DARKROOM_GATEWAY", default="what runs on the data folder", meaning="the gateway's URL where `--gateway` is not given"),
    Row(name="DARKROOM_API_KEY", default="unset: no key", meaning="the API key that calls are made with; the store never sees it"),
    Row(
        name="XDG_CACHE_HOME",
        default="`~/.cache`",
        meaning="`darkroom submit` notes there, under `darkroom/uploads`, which large uploads it may go on with",
    ),
)
TOOLS = (
    Row(name="FFMPEG", default="the one in the `imageio-ffmpeg` wheel", meaning="path of the ffmpeg binary"),
    Row(name="SANDBOX_REQUIRED", default="unset", meaning="`all`: a function does not start where a sandbox layer is missing"),
)
TELEMETRY = (
    Row(name="OTEL_EXPORTER_OTLP_ENDPOINT", default="unset: no traces", meaning="where traces go, by OTLP over HTTP"),
    Row(name="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default="unset", meaning="the same, with the path in it"),
    Row(name="OTEL_SERVICE_NAME", default="`darkroom-` and the part's name", meaning="the process's name in traces"),
    Row(
        name="PROMETHEUS_MULTIPROC_DIR",
        default="a temporary folder of each listener's",
        meaning="where gunicorn's workers of one listener count together; set by `gateway/metrics/gunicorn.py`",
    ),
)
JOBS = (
    Row(name="K_EVENT_PATH", default="", meaning="the folder with the file `event`; a JobSink sets it"),
    Row(name="K_SINK", default="", meaning="the broker's ingress, which takes the reply: `BROKER_URL` of the config map `darkroom`"),
)
LIMITS = {
    "max_still_pixels": "most pixels of a picture",
    "max_frame_pixels": "most pixels of one frame of a video",
    "max_edge_px": "longest edge",
    "max_scans": "most passes that a progressive JPEG may take",
    "max_streams": "most streams in one file",
    "max_duration_s": "longest duration",
    "max_frame_rate": "most frames a second",
    "max_frames": "most frames of a video",
    "max_packets": "most packets of picture and sound",
    "max_rendition_bytes": "largest rendition, of either lane",
    "max_memory_bytes": "most memory that a decoder may map, its libraries included; a transcode twice as much",
    "max_wall_s": "longest that one attempt may take, where its operation's deadline is later",
}

HEAD = """\
# Configuration

<!-- Written by `python -m infra.cli.configuration` from the settings models; `make lint` fails while it is not current. -->

Every setting is an environment variable, read once by the process that needs it. A process of the gateway, the bucket source or the
listener does not start where one is missing or wrong; a function starts, answers its first event with 503, and says why.

What a container gets is what its manifest in `knative/base` says (and PORT, K_SERVICE, PATH and their like), on one machine as on a
cluster. The gateway's processes read the whole config map `darkroom` and the whole secret `darkroom`; a function gets the two variables
that its `service.yaml` names and the whole config map `darkroom-functions`. `darkroom up` passes on what its own environment has of
these settings.
"""


def document() -> str:
    """The whole page."""
    parts = [
        HEAD,
        _section(
            "`darkroom up`",
            "`DIR` is `--data`, by default `.darkroom`. Beside these, every setting of the gateway and of the folder store's listener "
            "that does not say *given by `darkroom up`* may be set here too; it is laid over the config map `darkroom` of "
            "`knative/base/config.yaml`. Not set, `REQUIRE_KEYS` is `false` here and `TRUSTED_HOSTS` "
            '`["127.0.0.1", "localhost"]`: it listens on 127.0.0.1 alone.',
            UP,
        ),
        _section("The other commands", "`submit`, `jobs` and all that call a gateway.", COMMANDS),
        _section("Gateway", "`gateway/settings.py`, for its three processes: web, internal, worker.", _of_up(GatewaySettings)),
        _section(
            "Functions", "`functions/runtime/settings.py`; the last two belong to `functions/media` and `functions/sandbox`.", _functions()
        ),
        _section("Functions as Jobs", "`functions/runtime/batch.py`, beside those of the functions.", JOBS),
        _section(
            "Media limits",
            "`functions/media/formats.py`; more of it is refused as `limit`, of time as `timeout`. Whole numbers above 0.",
            tuple(_media_limits()),
        ),
        _section(
            "OpenCLIP",
            '`functions/embed/openclip.py`, for `embed` with `"model": "openclip"`. The weights are yours to bring; nothing is '
            "downloaded. Without them the task fails as `unsupported` and names the setting.",
            tuple(_documented(OpenClipSettings, known={"OBJECT_STORE_URL"})),
        ),
        _section(
            "Traces and metrics",
            "Of every process; the SDK's other `OTEL_` variables hold as well, and `darkroom up` passes them all on. See "
            "[monitoring](monitoring.md).",
            TELEMETRY,
        ),
        _section("Bucket source", "`infra/bucket_source/settings.py`.", tuple(_declared(BucketSourceSettings))),
        _section(
            "The folder store's listener",
            "`infra/objects/listener/settings.py`. It runs where no S3 store is given.",
            _of_up(ListenerSettings),
        ),
        _section(
            "`darkroom init`",
            "`infra/cli/init.py`: migrations, buckets and notifications, for a database and a store of yours.",
            tuple(_declared(InitSettings)),
        ),
    ]
    return "\n".join(parts)


def _section(title: str, words: str, rows: tuple[Row, ...]) -> str:
    lines = [f"## {title}", "", words, "", "| variable | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{row.name}` | {row.default or '**must be set**'} | {row.meaning.replace('|', chr(92) + '|')} |" for row in rows]
    return "\n".join(lines) + "\n"


def _of_up(model: type[BaseSettings]) -> tuple[Row, ...]:
    """The fields of a settings model, each with a word on those that `darkroom up` gives."""
    given = {True: "; given by `darkroom up`", False: ""}
    return tuple(replace(row, meaning=row.meaning + given[row.name in DECIDED_BY_UP]) for row in _declared(model))


def _functions() -> tuple[Row, ...]:
    store = Row(name="OBJECT_STORE_URL", default="", meaning=GatewaySettings.model_fields["object_store_url"].description or "")
    return (store, *_documented(FunctionSettings, known={store.name}), *TOOLS)


def _media_limits() -> Iterator[Row]:
    for field in fields(MediaLimits):
        yield Row(name=f"MEDIA_{field.name.upper()}", default=_shown(field.default), meaning=LIMITS[field.name])


def _declared(model: type[BaseSettings]) -> Iterator[Row]:
    """The fields of a settings model."""
    for name, field in model.model_fields.items():
        yield Row(name=name.upper(), default="" if field.is_required() else _shown(field.default), meaning=field.description or "")


def _documented(record: Any, *, known: Collection[str] = ()) -> Iterator[Row]:
    """The fields of a dataclass whose docstring has `name: VARIABLE, meaning` for each; those in `known` are left out."""
    said = {name: (variable, meaning) for name, variable, meaning in _ENTRY.findall(record.__doc__)}
    for field in fields(record):
        variable, meaning = said[field.name]
        if variable not in known:
            words = meaning.partition("; default")[0].rstrip(".")
            yield Row(name=variable, default="" if field.default is MISSING else _shown(field.default), meaning=words)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, int) and (unit := next((f"{value // size} {name}" for name, size in _UNITS if value % size == 0 and value), None)):
        return f"`{value}` ({unit})"
    if isinstance(value, dict):
        return "`" + str(value).replace("'", '"') + "`"
    return f"`{str(value).replace(tempfile.gettempdir(), '$TMPDIR')}`"


def main() -> int:
    return keep_current(FILE, document(), "infra.cli.configuration")


if __name__ == "__main__":
    sys.exit(main())
