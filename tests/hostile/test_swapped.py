"""An original that was replaced after probe had judged it: no operation works on bytes that nobody judged."""

from pathlib import Path

from PIL import Image

from functions.runtime.attempt import Surroundings, run_attempt
from functions.runtime.settings import Settings
from functions.thumbnail.work import thumbnail
from infra.objects.open import open_objects
from infra.objects.port import Objects
from schemas import keys
from schemas.errors import FailureClass
from schemas.facts import Kind, MediaFacts
from schemas.parameters import ThumbnailParameters
from schemas.payloads import Completed, Failed, Requested, Source
from tests import media

KEY = "media/a.jpg"


def judged_and_swapped(folder: Path) -> tuple[Objects, Requested]:
    """A store with a red picture where probe saw a sound one of four colours, and the request for what probe saw."""
    for bucket in (keys.MEDIA_BUCKET, keys.OUTPUTS_BUCKET):
        (folder / "store" / bucket).mkdir(parents=True)
    store = open_objects(f"file://{folder}/store")
    seen = store.put_file(keys.MEDIA_BUCKET, KEY, media.still(folder / "seen.jpg", (320, 200)), content_type="image/jpeg")
    Image.new("RGB", (320, 200), "red").save(folder / "red.jpg")
    store.put_file(keys.MEDIA_BUCKET, KEY, folder / "red.jpg", content_type="image/jpeg")
    facts = MediaFacts(kind=Kind.IMAGE, container="jpeg", width_px=320, height_px=200, sha256="0" * 64, bytes=seen.bytes)
    source = Source(bucket=keys.MEDIA_BUCKET, key=KEY, etag=seen.etag, bytes=seen.bytes)
    request = Requested(
        **{"attempt_id": "w.1", "work_id": "w", "attempt": 1, "operation": "thumbnail", "version": 1, "deadline_s": 30},
        **{"source": source, "facts": facts, "output_bucket": keys.OUTPUTS_BUCKET, "output_prefix": "default/sha/thumbnail/1/w/1/"},
    )
    return store, request


def made_of(store: Objects, request: Requested, folder: Path, **bounds: int) -> Completed | Failed:
    settings = Settings(object_store_url="file", work_dir=folder, **{"spare_disk_bytes": 1, **bounds})
    word = run_attempt(request, ThumbnailParameters(), 1, thumbnail, Surroundings(settings=settings, objects=store, gateway=None))
    assert isinstance(word, Completed | Failed)
    return word


def test_what_was_swapped_is_refused(tmp_path: Path) -> None:
    store, request = judged_and_swapped(tmp_path)
    word = made_of(store, request, tmp_path)
    assert isinstance(word, Failed)
    assert (word.failure, word.source_gone) == (FailureClass.INFRA, True)
    assert list(store.list(keys.OUTPUTS_BUCKET)) == []
