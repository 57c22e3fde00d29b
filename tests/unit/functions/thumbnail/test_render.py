"""Stills of every kind to thumbnails: sizes, turns, colours, and nothing but pixels in them."""

import struct
from io import BytesIO
from math import log10
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from functions.errors import BadInput, LimitExceeded, Unsupported
from functions.media.develop import develop
from functions.media.stills import open_still
from functions.thumbnail.plan import ENCODINGS
from functions.thumbnail.render import render, render_frame
from tests import media

CONTAINERS = {".jpg": "jpeg", ".png": "png", ".webp": "webp", ".gif": "gif", ".avif": "avif", ".bmp": "bmp", ".tiff": "tiff"}
FORMATS = list(ENCODINGS)


def thumbnail(source: Path, *, format: str = "webp", longest_edge_px: int = 320) -> Image.Image:
    """The artifact, opened again; what `render` said of its size must be so."""
    out = source.parent / "out"
    out.mkdir(exist_ok=True)
    said = render(source, out, container=CONTAINERS[source.suffix], longest_edge_px=longest_edge_px, format=format)
    image = Image.open(out / ENCODINGS[format].name)
    image.load()
    assert (said["width_px"], said["height_px"]) == image.size
    return image


def near(found: object, expected: tuple[int, ...], within: int = 8) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) <= within for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_kind_to_every_format(tmp_path: Path, suffix: str, format: str) -> None:
    image = thumbnail(media.still(tmp_path / f"a{suffix}", (800, 500)), format=format)
    assert (image.size, image.mode, image.format) == ((320, 200), "RGB", ENCODINGS[format].pillow)
    assert media.corner_colours(image) == media.CORNERS


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".avif"])
def test_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    image = thumbnail(media.with_orientation(tmp_path / f"a{suffix}", orientation), longest_edge_px=160)
    assert image.size == (160, 100)
    assert media.corner_colours(image) == media.CORNERS
    assert 0x0112 not in image.getexif()


def test_avif_that_says_it_twice_is_turned_once(tmp_path: Path) -> None:
    image = thumbnail(media.avif_turned_twice(tmp_path / "a.avif"))
    assert image.size == (320, 200)
    assert media.corner_colours(image) == media.CORNERS


def test_png_with_its_exif_after_its_pixels_is_turned(tmp_path: Path) -> None:
    source = media.with_orientation(tmp_path / "a.png", 6)
    data = source.read_bytes()
    at = data.index(b"eXIf") - 4
    length = struct.unpack_from(">I", data, at)[0] + 12
    end = data.index(b"IEND") - 4
    assert at < data.index(b"IDAT")
    source.write_bytes(data[:at] + data[at + length : end] + data[at : at + length] + data[end:])
    image = thumbnail(source)
    assert image.size == (320, 200)
    assert media.corner_colours(image) == media.CORNERS


@pytest.mark.parametrize("longest_edge_px", [320, 100])  # as it is, and scaled
def test_transparent_pixels_keep_their_hidden_colour_to_themselves(tmp_path: Path, longest_edge_px: int) -> None:
    source = media.png_rgba(tmp_path / "a.png")
    image = thumbnail(source, longest_edge_px=longest_edge_px)
    assert image.mode == "RGBA"
    width, height = image.size
    assert near(image.getpixel((width // 4, height // 2)), (0, 0, 255, 255))
    assert image.getchannel("A").getpixel((3 * width // 4, height // 2)) == 0
    visible = image.getchannel("A").point(lambda alpha: 255 * (alpha > 32))
    assert ImageChops.multiply(image.getchannel("R"), visible).getextrema()[1] <= 24  # magenta would be 255

    on_white = thumbnail(source, format="jpeg", longest_edge_px=longest_edge_px)
    assert near(on_white.getpixel((3 * width // 4, height // 2)), (255, 255, 255))
    red, green, _ = on_white.split()
    assert ImageStat.Stat(ImageChops.subtract(red, green)).mean[0] < 2  # from blue to white red equals green; pink is redder


def test_opaque_alpha_is_dropped(tmp_path: Path) -> None:
    media.corner_image(320, 200).convert("RGBA").save(tmp_path / "a.png")
    assert thumbnail(tmp_path / "a.png").mode == "RGB"


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = thumbnail(media.png_palette(tmp_path / "a.png"))
    assert near(image.getpixel((80, 100)), (200, 40, 40, 255))
    assert image.getchannel("A").getpixel((240, 100)) == 0


def test_colour_key_is_transparent(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 64), (0, 255, 0))
    picture.paste((200, 40, 40), (0, 0, 32, 64))
    picture.save(tmp_path / "a.png", transparency=(0, 255, 0))
    image = thumbnail(tmp_path / "a.png")
    assert near(image.getpixel((16, 32)), (200, 40, 40, 255))
    assert image.getchannel("A").getpixel((48, 32)) == 0


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    image = thumbnail(media.png_16bit_grey(tmp_path / "a.png"), longest_edge_px=256)
    for x in range(4, 252, 16):
        assert near(image.getpixel((x, 16)), (round(255 * (x + 0.5) / 256),) * 3, within=4)


@pytest.mark.parametrize(
    ("mode", "black", "white"),
    [("1", 0, 1), ("L", 0, 255), ("LA", (0, 255), (255, 255)), ("F", -3.5, 12.25), ("I", -70_000, 1_000_000), ("I;16", 0, 65535)],
)
def test_grey_of_every_depth(tmp_path: Path, mode: str, black: float, white: float) -> None:
    """Left half black, right half white, whatever the samples are."""
    picture = Image.new(mode, (64, 32), white)
    picture.paste(black, (0, 0, 32, 32))  # type: ignore[arg-type]
    picture.save(tmp_path / "a.tiff")
    image = thumbnail(tmp_path / "a.tiff")
    assert near(image.getpixel((16, 16)), (0, 0, 0))
    assert near(image.getpixel((48, 16)), (255, 255, 255))


def test_samples_that_are_no_numbers_are_unsupported(tmp_path: Path) -> None:
    Image.new("F", (4, 4), float("inf")).save(tmp_path / "a.tiff")
    with pytest.raises(Unsupported):
        thumbnail(tmp_path / "a.tiff")


def test_cmyk_of_adobe_is_no_negative(tmp_path: Path) -> None:
    assert media.corner_colours(thumbnail(media.cmyk_jpeg(tmp_path / "a.jpg"))) == media.CORNERS


@pytest.mark.parametrize("suffix", [".jpg", ".tiff"])
def test_cmyk_with_a_profile_goes_through_it(tmp_path: Path, suffix: str) -> None:
    """A press whose magenta ink is blue: without its profile the picture would be magenta."""
    ink = Image.new("CMYK", (64, 64), (0, 255, 0, 0))
    ink.save(tmp_path / f"a{suffix}", icc_profile=odd_press(), **({"quality": 100} if suffix == ".jpg" else {}))
    assert near(thumbnail(tmp_path / f"a{suffix}").getpixel((32, 32)), (0, 0, 255), within=12)


def odd_press() -> bytes:
    """An ICC version 2 printer profile: paper is white, magenta alone is sRGB's blue, all else is black."""
    white, blue, black = (255, 128, 128), (75, 196, 16), (0, 128, 128)  # L* × 2.55, a* + 128, b* + 128; to D50
    corners = [white if i == 0 else blue if i == 0b0100 else black for i in range(16)]  # C M Y K, the last varies fastest
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + straight * 4 + b"".join(map(bytes, corners)) + straight * 3
    tags = struct.pack(">I", 1) + b"A2B0" + struct.pack(">II", 144, len(table))
    header = struct.pack(">I4xI", 144 + len(table), 0x02100000) + b"prtrCMYKLab " + bytes(12) + b"acsp" + bytes(28)
    return (header + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\x00") + tags + table  # the white of D50


def test_lab(tmp_path: Path) -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    ImageCms.applyTransform(media.corner_image(320, 200), to_lab).save(tmp_path / "a.tiff")
    assert media.corner_colours(thumbnail(tmp_path / "a.tiff")) == media.CORNERS


@pytest.mark.parametrize("format", FORMATS)
def test_display_p3_is_converted_and_its_profile_gone(tmp_path: Path, format: str) -> None:
    image = thumbnail(media.display_p3_jpeg(tmp_path / "a.jpg"), format=format)
    assert near(image.getpixel((32, 32)), (255, 0, 0))  # dropped, it would be (234, 51, 35)
    assert "icc_profile" not in image.info


def test_profile_of_a_transparent_picture(tmp_path: Path) -> None:
    profile = Image.open(media.display_p3_jpeg(tmp_path / "p3.jpg")).info["icc_profile"]
    picture = Image.new("RGBA", (64, 64), (234, 51, 35, 128))
    picture.save(tmp_path / "a.png", icc_profile=profile)
    assert near(thumbnail(tmp_path / "a.png").getpixel((32, 32)), (255, 0, 0, 128))


@pytest.mark.parametrize("profile", [b"no profile", bytes(200), ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_broken_or_unfitting_profile_counts_as_none(tmp_path: Path, profile: bytes) -> None:
    media.corner_image(320, 200).save(tmp_path / "a.png", icc_profile=profile)
    assert media.corner_colours(thumbnail(tmp_path / "a.png")) == media.CORNERS


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    media.corner_image(320, 200).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff" + bytes(20))
    assert media.corner_colours(thumbnail(tmp_path / "a.jpg")) == media.CORNERS


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_animation_shows_its_first_frame(tmp_path: Path, suffix: str) -> None:
    thumbnail(media.animation(tmp_path / f"a{suffix}"), format="jpeg")
    assert media.read_frame_numbers(tmp_path / "out" / "thumbnail.jpg") == [0]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("suffix", CONTAINERS)
def test_one_pixel(tmp_path: Path, suffix: str, format: str) -> None:
    image = thumbnail(media.tiny(tmp_path / f"a{suffix}"), format=format)
    assert image.size == (1, 1)
    assert near(image.getpixel((0, 0)), (200, 40, 40), within=12)


@pytest.mark.parametrize(("size_px", "expected"), [((4000, 3), (320, 1)), ((2, 5000), (1, 320)), ((30000, 100), (320, 1))])
def test_strips(tmp_path: Path, size_px: tuple[int, int], expected: tuple[int, int]) -> None:
    assert thumbnail(media.wide(tmp_path / "a.jpg", size_px)).size == expected


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("build", [media.secretive_jpeg, media.png_with_secrets])
def test_nothing_but_pixels_stays(tmp_path: Path, build: object, format: str) -> None:
    source = tmp_path / ("a.jpg" if build is media.secretive_jpeg else "a.png")
    build(source)  # type: ignore[operator]
    assert media.SECRET in source.read_bytes()  # else this proves nothing
    thumbnail(source, format=format)
    data = (tmp_path / "out" / ENCODINGS[format].name).read_bytes()
    assert media.SECRET not in data
    assert parts(data) <= {"jpeg": {0xE0}, "webp": {b"VP8 "}, "avif": {b"av01"}}[format]


def parts(data: bytes) -> set[object]:
    """What an artifact holds beside what every picture must: APPn and COM markers, RIFF chunks, the types of AVIF's items."""
    if data[:2] == b"\xff\xd8":
        found, at = set[object](), 2
        while data[at + 1] != 0xDA:
            if data[at + 1] >= 0xE0:
                found.add(data[at + 1])
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return found
    if data[:4] == b"RIFF":
        found, at = set(), 12
        while at < len(data):
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            found.add(data[at : at + 4])
            at += 8 + size + size % 2
        return found
    return {data[at + 12 : at + 16] for at in range(len(data)) if data[at : at + 4] == b"infe"}


@pytest.mark.parametrize("suffix", [*CONTAINERS, ".progressive.jpg"])
def test_a_still_cut_short_is_refused_never_grey(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole{suffix}"
    picture = Image.effect_noise((160, 120), 60).convert("RGB")
    picture.save(whole, **({"progressive": True} if "progressive" in suffix else {}))
    expected = thumbnail(whole).tobytes()
    data = whole.read_bytes()
    refused = 0
    for percent in (1, 5, 20, 40, 50, 60, 80, 95, 99):
        cut = media.truncated(whole, tmp_path / f"cut{whole.suffix}", percent / 100)
        try:
            assert thumbnail(cut).tobytes() == expected, f"{percent} % of {len(data)} bytes"
        except BadInput:
            refused += 1
    assert refused >= 8


def test_another_format_than_the_magic_said_is_not_tried(tmp_path: Path) -> None:
    source = media.still(tmp_path / "a.jpg")
    with pytest.raises(BadInput):
        render(source, tmp_path, container="png", longest_edge_px=320, format="webp")


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    source = media.still(tmp_path / "a.jpg", (64, 64))
    data = bytearray(source.read_bytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65000, 65000)
    source.write_bytes(bytes(data))
    with pytest.raises(LimitExceeded):
        thumbnail(source)


@pytest.mark.parametrize(("size_px", "decoded_px"), [((1300, 867), 650), ((4001, 2667), 1001), ((5125, 3415), 641)])
def test_the_fast_way_through_a_jpeg_looks_like_the_slow_one(tmp_path: Path, size_px: tuple[int, int], decoded_px: int) -> None:
    """At least 48.5 dB against a full decode and Lanczos, though decoded at 1/2 (480 px or more), 1/4 or 1/8 (640 px or more)."""
    source = tmp_path / "a.jpg"
    with Image.open(Path(__file__).parents[4] / "sample_data" / "astronaut.png") as picture:
        picture.resize(size_px, Image.Resampling.BICUBIC).save(source, quality=90)
    with open_still(source, "jpeg") as image:
        fast = develop(image, lambda *_: (320, 213))
        assert image.width == decoded_px
    with Image.open(source) as image:
        slow = image.resize((320, 213), Image.Resampling.LANCZOS)
    squares = ImageStat.Stat(ImageChops.difference(fast, slow)).sum2
    assert 10 * log10(255**2 / (sum(squares) / (3 * 320 * 213))) >= 48.5


def test_a_frame_says_what_can_be_seen_on_it(tmp_path: Path) -> None:
    halves = bytes(3 * 32) + b"\xff" * (3 * 32)
    frames = {"black": bytes(3 * 64), "halves": halves, "red": b"\xc8\x28\x28" * 64}
    said = {}
    for name, data in frames.items():
        (tmp_path / name).write_bytes(data)
        said[name] = render_frame(tmp_path / name, tmp_path, width_px=8, height_px=8, format="webp")
    assert (said["black"]["black"], said["black"]["spread"]) == (True, 0)
    assert (said["halves"]["black"], said["halves"]["spread"]) == (False, 127.5)
    assert (said["red"]["black"], said["red"]["spread"]) == (False, 0)  # plain, but not nothing
    with pytest.raises(ValueError, match="not enough"):
        render_frame(tmp_path / "red", tmp_path, width_px=9, height_px=8, format="webp")


def test_the_artifact_is_a_picture_that_opens_from_bytes_alone(tmp_path: Path) -> None:
    thumbnail(media.still(tmp_path / "a.png"), format="avif")
    with Image.open(BytesIO((tmp_path / "out" / "thumbnail.avif").read_bytes())) as image:
        assert image.size == (320, 200)
