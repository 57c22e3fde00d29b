"""Direct uploads, by one POST and in parts: what the gateway says of them, and what becomes of them when all does not go well."""

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from gateway.service.reconciler import reconcile
from infra.objects.port import NoSuchUpload, StoreUnavailable
from schemas import keys
from schemas.ids import uuid7

from .conftest import House

MIB = 2**20
PART = 8 * MIB


def grant(house: House, size: int, *, multipart: bool = True) -> dict[str, Any]:
    body = {"filename": "beach.mp4", "content_type": "video/mp4", "bytes": size, "multipart": multipart}
    return house.post("/uploads?operations=thumbnail", body, 201)


def put(house: House, document: dict[str, Any], number: int, data: bytes) -> dict[str, Any]:
    """One part by its URL: the store's own check of it is the listener's business."""
    [url] = [part["url"] for part in document["parts"] if part["part_number"] == number]
    query = parse_qs(urlsplit(url).query)
    assert query["partNumber"] == [str(number)]
    with house.store.part_writer(keys.MEDIA_BUCKET, document["object_key"], query["uploadId"][0], number) as writer:
        writer.write(data)
        return {"part_number": number, "etag": f'"{writer.keep()}"'}


def complete(house: House, document: dict[str, Any], parts: list[dict[str, Any]], status: int = 200) -> dict[str, Any]:
    return house.post(f"/uploads/{document['upload_id']}/complete", {"parts": parts}, status)


def multipart_id(document: dict[str, Any]) -> str:
    return parse_qs(urlsplit(document["parts"][0]["url"]).query)["uploadId"][0]


def age(house: House, seconds: float) -> None:
    with house.gateway.database.transaction() as session:
        session.execute(text("update media set created_at = created_at - make_interval(secs => :s)"), {"s": seconds})


def tidy(house: House) -> dict[str, int]:
    return dict(reconcile(house.gateway.database, house.store, house.gateway.settings).found)


def test_an_upload_in_parts_is_resumed_and_completed(house: House) -> None:
    size = PART + 5
    begun = grant(house, size)
    assert (begun["part_bytes"], [part["part_number"] for part in begun["parts"]], begun["method"]) == (PART, [1, 2], "PUT")
    assert house.get(f"/media/{begun['media_id']}")["state"] == "awaiting_upload"
    second = put(house, begun, 2, b"12345")
    resumed = house.get(f"/uploads/{begun['upload_id']}")
    assert (resumed["state"], resumed["bytes"], resumed["resumable_until"]) == ("open", size, begun["resumable_until"])
    assert resumed["parts_done"] == [{"part_number": 2, "etag": second["etag"].strip('"'), "bytes": 5}]
    assert [part["part_number"] for part in resumed["parts"]] == [1]
    first = put(house, resumed, 1, bytes(PART))
    media = complete(house, begun, [second, first])  # in any order
    assert (media["media_id"], media["state"], media["bytes"]) == (begun["media_id"], "uploaded", size)
    assert complete(house, begun, [first, second]) == media
    assert complete(house, begun, [first]) == media  # it is done; what is named now is of no matter
    ended = house.get(f"/uploads/{begun['upload_id']}")
    assert (ended["state"], ended["parts"], ended["parts_done"]) == ("completed", [], [])
    asked = [request.operation for request in house.settle()]
    assert asked == ["probe", "thumbnail"]
    assert house.get(f"/jobs?media_id={begun['media_id']}")["jobs"][0]["state"] == "done"
    assert [info.key for info in house.store.list(keys.MEDIA_BUCKET)] == [begun["object_key"]]


def test_above_64_mib_there_are_parts(house: House) -> None:
    assert "parts" not in grant(house, 64 * MIB, multipart=False)
    large = grant(house, 64 * MIB + 1, multipart=False)
    assert [part["part_number"] for part in large["parts"]] == list(range(1, 10))


def test_an_upload_by_one_post_can_be_asked_for(house: House) -> None:
    begun = grant(house, 5, multipart=False)
    again = house.get(f"/uploads/{begun['upload_id']}")
    assert again.keys() == begun.keys()
    assert (again["state"], again["method"], again["fields"]["key"]) == ("open", "POST", begun["object_key"])
    house.post(f"/uploads/{begun['upload_id']}/complete", {"parts": [{"part_number": 1, "etag": "x"}]}, 409)
    house.store.put(keys.MEDIA_BUCKET, begun["object_key"], [b"12345"], content_type="video/mp4")
    assert tidy(house)["objects taken in"] == 1
    ended = house.get(f"/uploads/{begun['upload_id']}")
    assert (ended["state"], ended["url"], ended["fields"]) == ("completed", None, {})


@pytest.mark.parametrize(
    ("sizes", "named", "said"),
    [
        ([PART, 4], [1, 2], f"they have {PART + 4} bytes together"),
        ([PART, 5], [1], f"they have {PART} bytes together"),
        ([PART, 5], [1, 2, 3], "part 3 has not come"),
        ([PART, 5], [1, 2, 2], "part 2 is named twice"),
        ([4 * MIB, 4 * MIB + 5], [1, 2], "Part 1 has"),
    ],
)
def test_parts_that_are_not_what_was_promised(house: House, sizes: list[int], named: list[int], said: str) -> None:
    begun = grant(house, PART + 5)
    parts = {number: put(house, begun, number, bytes(size)) for number, size in enumerate(sizes, 1)}
    there = house.store.list_parts(keys.MEDIA_BUCKET, begun["object_key"], multipart_id(begun))
    unknown = {"part_number": 3, "etag": "0"}
    problem = complete(house, begun, [parts.get(number, unknown) for number in named], 422)
    if said.startswith("they") or said.startswith("part"):
        assert (problem["errors"][0]["field"], problem["errors"][0]["message"]) == ("parts", said)
    assert house.store.list_parts(keys.MEDIA_BUCKET, begun["object_key"], multipart_id(begun)) == there
    assert house.get(f"/media/{begun['media_id']}")["state"] == "awaiting_upload"
    right = [put(house, begun, 1, bytes(PART)), put(house, begun, 2, b"12345")]
    assert complete(house, begun, right)["state"] == "uploaded"


def test_another_etag_is_refused(house: House) -> None:
    begun = grant(house, 5)
    put(house, begun, 1, b"12345")
    problem = complete(house, begun, [{"part_number": 1, "etag": "0" * 32}], 422)
    assert problem["errors"][0]["message"] == "part 1 has another ETag"


def test_a_part_of_the_wrong_length_is_asked_for_again(house: House) -> None:
    begun = grant(house, 5)
    put(house, begun, 1, b"123")
    resumed = house.get(f"/uploads/{begun['upload_id']}")
    assert ([part["part_number"] for part in resumed["parts"]], resumed["parts_done"]) == ([1], [])


@pytest.mark.parametrize("healed_by", ["the reconciler", "another complete", "asking"])
def test_a_gateway_that_died_once_the_store_had_it_all(house: House, healed_by: str) -> None:
    begun = grant(house, 5)
    part = put(house, begun, 1, b"12345")
    house.store.complete_multipart(keys.MEDIA_BUCKET, begun["object_key"], multipart_id(begun), [(1, part["etag"].strip('"'))])
    if healed_by == "the reconciler":
        assert tidy(house)["objects taken in"] == 1
    elif healed_by == "another complete":
        assert complete(house, begun, [part])["state"] == "uploaded"
    else:
        assert house.get(f"/uploads/{begun['upload_id']}")["state"] == "completed"
    assert house.get(f"/media/{begun['media_id']}")["state"] == "uploaded"
    assert complete(house, begun, [part])["media_id"] == begun["media_id"]
    assert len(house.get("/media")["media"]) == 1


def test_an_aborted_upload_leaves_nothing(house: House) -> None:
    begun = grant(house, 5)
    put(house, begun, 1, b"12345")
    for _ in range(2):
        assert house.public.delete(f"/uploads/{begun['upload_id']}").status_code == 204
    with pytest.raises(NoSuchUpload):
        house.store.list_parts(keys.MEDIA_BUCKET, begun["object_key"], multipart_id(begun))
    house.get(f"/uploads/{begun['upload_id']}", 404)
    house.get(f"/media/{begun['media_id']}", 404)
    complete(house, begun, [{"part_number": 1, "etag": "x"}], 404)
    assert tidy(house) == {}


def test_an_upload_by_one_post_can_be_aborted_and_what_comes_late_goes(house: House) -> None:
    begun = grant(house, 5, multipart=False)
    assert house.public.delete(f"/uploads/{begun['upload_id']}").status_code == 204
    house.store.put(keys.MEDIA_BUCKET, begun["object_key"], [b"12345"], content_type="video/mp4")
    tidy(house)
    assert list(house.store.list(keys.MEDIA_BUCKET)) == []
    house.get(f"/media/{begun['media_id']}", 404)


def test_a_completed_upload_cannot_be_aborted(house: House) -> None:
    begun = grant(house, 5)
    complete(house, begun, [put(house, begun, 1, b"12345")])
    assert house.public.delete(f"/uploads/{begun['upload_id']}").status_code == 409
    assert house.get(f"/media/{begun['media_id']}")["state"] == "uploaded"


@pytest.mark.parametrize("how", ["it expired", "its media was deleted", "the store was away when it was aborted"])
def test_the_reconciler_drops_the_parts_of_what_never_will_come(house: House, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    begun, other = grant(house, 5), grant(house, 5)
    put(house, begun, 1, b"12345")
    if how == "it expired":
        age(house, house.gateway.settings.awaiting_upload_s + 1)
    elif how == "its media was deleted":
        assert house.public.delete(f"/media/{begun['media_id']}").status_code == 204
    else:

        def away(*_: str) -> None:
            raise StoreUnavailable("away")

        with monkeypatch.context() as at:
            at.setattr(house.store, "abort_multipart", away)
            assert house.public.delete(f"/uploads/{begun['upload_id']}").status_code == 204
    found = tidy(house)
    assert found["uploads in parts ended"] == (2 if how == "it expired" else 1)
    assert tidy(house) == {}
    with pytest.raises(NoSuchUpload):
        house.store.list_parts(keys.MEDIA_BUCKET, begun["object_key"], multipart_id(begun))
    if how == "it expired":
        assert house.get(f"/uploads/{other['upload_id']}")["state"] == "expired"
        complete(house, begun, [{"part_number": 1, "etag": "x"}], 410)
    else:
        assert house.store.list_parts(keys.MEDIA_BUCKET, other["object_key"], multipart_id(other)) == []


def test_a_store_that_dropped_the_parts_by_itself(house: House) -> None:
    begun = grant(house, 5)
    house.store.abort_multipart(keys.MEDIA_BUCKET, begun["object_key"], multipart_id(begun))
    house.get(f"/uploads/{begun['upload_id']}", 410)
    complete(house, begun, [{"part_number": 1, "etag": "x"}], 410)


def test_a_store_that_is_away_leaves_no_promise(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: str, **__: str) -> str:
        raise StoreUnavailable("away")

    monkeypatch.setattr(house.store, "create_multipart", away)
    grants = {"filename": "a.mp4", "content_type": "video/mp4", "bytes": 5, "multipart": True}
    house.post("/uploads", grants, 503)
    assert house.get("/media")["media"] == []


def test_an_upload_that_never_was(house: House) -> None:
    nobody = uuid7()
    house.get(f"/uploads/{nobody}", 404)
    house.post(f"/uploads/{nobody}/complete", {"parts": [{"part_number": 1, "etag": "x"}]}, 404)
    assert house.public.delete(f"/uploads/{nobody}").status_code == 404
    house.post(f"/uploads/{nobody}/complete", {"parts": []}, 422)
    house.post("/uploads", {"filename": "a", "content_type": "video/mp4", "bytes": 2**60}, 422)


def test_a_form_whose_words_before_the_file_are_4_mib_is_refused(house: House) -> None:
    """Nobody wants them, and they would be read to the end of any upload."""
    answer = house.public.post("/media", data={"words": "x" * (4 * MIB), "file": (io.BytesIO(b"picture"), "a.jpg", "image/jpeg")})
    assert (answer.status_code, answer.content_type, answer.get_json()["title"]) == (413, "application/problem+json", "Too large")
    assert house.get("/media")["media"] == []
    few = {"words": "x" * 1000, "file": (io.BytesIO(b"picture"), "a.jpg", "image/jpeg")}
    assert house.public.post("/media", data=few).status_code == 201
