"""One upload's way through the running system, warm and from zero, beside Pillow alone on the same picture.

    python -m tests.bench.bench_system [rounds]

Warm is from the moment the upload is recorded to the moment the thumbnail is, by the ledger's clock; the lines below it say where the
time goes, as medians. From zero is wall time from the first byte sent to the artifact seen, with every function at zero instances.
"""

import io
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pg8000.native
import yaml
from PIL import Image

from tests.acceptance.system import REPOSITORY, System, eventually, running

WARM_AIM_MS, COLD_AIM_S = 150, 3
STEPS = ("recorded → probe claimed", "probe claimed → judged", "judged → thumbnail claimed", "thumbnail claimed → recorded")
STAMPS = """
    select extract(epoch from m.uploaded_at), extract(epoch from p.started_at), extract(epoch from p.finished_at),
           extract(epoch from t.started_at), extract(epoch from t.finished_at)
    from media m join attempt p on p.source_media_id = m.id and p.operation = 'probe'
                 join attempt t on t.source_media_id = m.id and t.operation = 'thumbnail'
    where m.id = :id and t.state = 'done'
"""


def photograph(number: int) -> bytes:
    """12 megapixels, each number another picture to the ledger."""
    with Image.open(REPOSITORY / "sample_data" / "hubble.jpg") as image:
        large = image.convert("RGB").resize((4000, 3000), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    large.save(data, "JPEG", quality=90, comment=f"{number} {time.time_ns()}")
    return data.getvalue()


def bare_ms(data: bytes) -> float:
    """Pillow in process: draft, Lanczos, WebP."""
    began_s = time.perf_counter()
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (640, 480))
        image.thumbnail((320, 320), Image.Resampling.LANCZOS)
        image.save(io.BytesIO(), "WEBP", method=2)
    return (time.perf_counter() - began_s) * 1000


def upload(system: System, data: bytes) -> str:
    document: Any = system.call(
        "POST", "/media?filename=a.jpg&operations=thumbnail", status=201, body=data, headers={"Content-Type": "image/jpeg"}
    )
    return str(document["media_id"])


def warm(system: System, rounds: int) -> None:
    ledger = pg8000.native.Connection("postgres", unix_sock=str(system.data / "postgres" / ".s.PGSQL.5432"), database="darkroom")
    steps, bare = [], []
    for number in range(rounds + 3):
        data = photograph(number)
        media_id = upload(system, data)
        time.sleep(0.7)  # nobody polls while it is measured
        system.job_of(media_id)
        stamps = [float(stamp) for stamp in ledger.run(STAMPS, id=media_id)[0]]
        steps.append([(after - before) * 1000 for before, after in pairwise(stamps)])
        bare.append(bare_ms(data))
    ledger.close()
    steps, bare = steps[3:], bare[3:]
    total = statistics.median(sum(step) for step in steps)
    alone = statistics.median(bare)
    print(
        f"| 12 MP JPEG, warm, recorded → artifact recorded | {alone:.0f} ms | {total:.0f} ms | {total / alone:.1f} | aim {WARM_AIM_MS} ms |"
    )
    for name, times in zip(STEPS, zip(*steps, strict=True), strict=True):
        print(f"| · {name} | | {statistics.median(times):.0f} ms | | |")


def cold(folder: Path, rounds: int) -> None:
    """With every service allowed to start at zero, and to return there soon."""
    manifests = folder / "base"
    for path in (REPOSITORY / "knative" / "base").rglob("*.yaml"):
        target = manifests / path.relative_to(REPOSITORY / "knative" / "base")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text().replace("autoscaling.knative.dev/window: 60s", "autoscaling.knative.dev/window: 6s"))
    kustomization = yaml.safe_load((manifests / "kustomization.yaml").read_text())
    kustomization["resources"].append("autoscaler.yaml")
    (manifests / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    (manifests / "autoscaler.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-autoscaler, namespace: knative-serving}\n"
        'data: {scale-to-zero-grace-period: 6s, allow-zero-initial-scale: "true", initial-scale: "0"}\n'
    )
    took = []
    with running(folder / "cold", manifests=manifests) as system:
        for number in range(rounds):
            eventually(
                lambda: [one for row in system.instances().values() if row["kind"] == "Service" for one in row["instances"]],
                lambda found: not found,
                120,
            )
            data = photograph(1000 + number)
            began_s = time.perf_counter()
            system.job_of(upload(system, data))
            took.append(time.perf_counter() - began_s)
    print(f"| 12 MP JPEG, every function at zero, upload → artifact seen | | {statistics.median(took):.2f} s | | aim {COLD_AIM_S} s |")


def main(rounds: int = 15) -> None:
    print("| one upload's way | Pillow alone | the system | ratio | |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as name:
        with running(Path(name) / "warm") as system:
            warm(system, rounds)
        cold(Path(name), 3)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
