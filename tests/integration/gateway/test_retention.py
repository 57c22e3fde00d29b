"""Retention: what is past its time goes, row first; what is needed, or young, stays."""

from collections import Counter

from sqlalchemy import text

from gateway.service.reconciler import reconcile
from gateway.service.retention import retire

from .conftest import House
from .test_cancel import accepted, thumbnails
from .test_delete import objects
from .test_path import UPLOAD, job_of, notification


def age(house: House, hours: int) -> None:
    """As if everything so far had happened so long ago."""
    with house.gateway.database.transaction() as session:
        session.execute(text("update media set uploaded_at = uploaded_at - make_interval(hours => :h)"), {"h": hours})
        session.execute(text("update attempt set finished_at = finished_at - make_interval(hours => :h)"), {"h": hours})


def round_of(house: House, **hours: int) -> Counter[str]:
    settings = house.gateway.settings.model_copy(update={f"{bucket}_retention_s": 3600 * n for bucket, n in hours.items()})
    return retire(house.gateway.database, settings)


def test_off_unless_it_is_set(house: House) -> None:
    house.upload()
    house.settle()
    age(house, 10_000)
    assert (round_of(house), len(objects(house))) == ({}, 2)


def test_outputs(house: House) -> None:
    media = house.upload()
    house.settle()
    before = job_of(house, media["media_id"])
    assert round_of(house, outputs=24) == {}
    age(house, 25)
    assert round_of(house, outputs=24) == {"works retired": 2}  # probe and thumbnail
    assert objects(house) == [media["object_key"]]
    after = job_of(house, media["media_id"])
    assert (after["state"], after["tasks"][0]["artifacts"], house.get(f"/media/{media['media_id']}/artifacts")) == (
        "done",
        [],
        {"artifacts": []},
    )
    assert after["tasks"][0]["attempts"][0]["attempt"] == before["tasks"][0]["attempts"][0]["attempt"] == 1
    again = house.post("/jobs", {"media_id": media["media_id"], "operations": ["thumbnail"]})
    assert again["state"] == "queued"  # made anew
    house.settle()
    assert len(house.get(f"/media/{media['media_id']}/artifacts")["artifacts"]) == 1
    assert not reconcile(house.gateway.database, house.store, house.gateway.settings).found


def test_originals(house: House) -> None:
    media = house.upload()
    house.settle()
    age(house, 25)
    assert round_of(house, originals=24) == {"originals retired": 1}
    reconcile(house.gateway.database, house.store, house.gateway.settings)  # while its object is still there: it is not taken in again
    assert media["object_key"] not in objects(house)
    house.get(f"/media/{media['media_id']}/original", 410)
    shown = house.get(f"/media/{media['media_id']}")
    assert (shown["state"], shown["facts"]["width_px"], len(house.get(f"/media/{media['media_id']}/artifacts")["artifacts"])) == (
        "accepted",
        640,
        1,
    )
    assert house.post("/jobs", {"media_id": media["media_id"], "operations": ["thumbnail"]})["state"] == "done"
    assert round_of(house, originals=24) == {}


def test_an_original_that_a_task_still_needs_stays(house: House) -> None:
    media = accepted(house)
    thumbnails(house, media, 16)
    age(house, 25)
    assert round_of(house, originals=24) == {}
    house.settle()
    assert round_of(house, originals=24) == {"originals retired": 1}


def test_one_that_is_not_probed_yet_stays(house: House) -> None:
    house.upload(operations="none")
    age(house, 25)
    assert round_of(house, originals=24) == {}


def test_an_object_put_there_again_counts_from_then(house: House) -> None:
    stored = house.store.put("media", "beach.jpg", [b"beach"], content_type="image/jpeg")
    house.event(UPLOAD, "1", notification("beach.jpg", stored.etag, 5), subject="beach.jpg")
    house.settle()
    age(house, 25)
    round_of(house, originals=24)
    assert "beach.jpg" not in objects(house)
    again = house.store.put("media", "beach.jpg", [b"beach"], content_type="image/jpeg")
    house.store._versions["media", "beach.jpg"].info.__dict__["etag"] = stored.etag  # as S3 does: equal bytes, equal ETag
    assert again.etag != stored.etag
    house.event(UPLOAD, "2", notification("beach.jpg", stored.etag, 5), subject="beach.jpg")
    (media,) = house.get("/media")["media"]
    assert house.public.get(f"/media/{media['media_id']}/original").status_code == 302
    assert round_of(house, originals=24) == {}
