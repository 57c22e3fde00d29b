"""Remakes the made samples from the real pictures beside this file, and checks them all.

    python sample_data/make.py            remake every made file, write the new digests into manifest.json and README.md
    python sample_data/make.py --check    compare every file with its digest; exit status 1 if one differs

manifest.json is the truth about each file and is kept by hand, digests aside. The real pictures are never touched. Encoders are told
to be bit-exact and to use a fixed number of threads; another ffmpeg or Pillow may still give other bytes, hence the written digests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "manifest.json"
README = HERE / "README.md"

BIT_EXACT = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
H264 = ("-c:v", "libx264", "-preset", "slow", "-crf", "23", "-threads", "2")
# Values and tags must agree. Tags come from the frames: since FFmpeg 7 they overrule the encoder's -color_* options.
TO_709 = (
    "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setsar=1,"
    "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
)


def ffmpeg(*args: str) -> None:
    """Runs ffmpeg here; raises CalledProcessError with its message on standard error."""
    subprocess.run([get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *args], cwd=HERE, check=True)


def moving(
    width_px: int, height_px: int, frames: int, fps: int, *, zoom: str = "1", x: str = "iw/2-iw/zoom/2", y: str = "ih/2-ih/zoom/2"
) -> str:
    """Filters that turn one still into `frames` frames. zoompan moves by whole source pixels, so the still is blown up first."""
    wide, high = width_px * 3, height_px * 3
    return (
        f"format=gbrp,scale={wide}:{high}:force_original_aspect_ratio=increase:flags=lanczos,crop={wide}:{high},"
        f"zoompan=z='{zoom}':x='{x}':y='{y}':d={frames}:fps={fps}:s={width_px}x{height_px},setsar=1"
    )


def plucks(seconds: float, root_hz: float, step_semitones: int) -> str:
    """A source of four plucked notes a second, each `step_semitones` on (within the octave); each starts at phase 0, so nothing clicks."""
    note_hz = f"{root_hz}*pow(2,mod(floor(t*4)*{step_semitones},12)/12)"
    voice = f"0.35*sin(2*PI*{note_hz}*mod(t,0.25))*exp(-6*mod(t,0.25))"
    bass = f"0.25*sin(2*PI*{root_hz / 2}*mod(t,1))*exp(-2*mod(t,1))*(1-pow(mod(t,1),8))"
    return f"aevalsrc='{voice}+{bass}':s=48000:d={seconds}"


def phone_portrait_jpg(target: Path) -> None:
    """As a phone held upright stores it: landscape pixels, orientation 6 (turn 90° clockwise to show), and a place."""
    with Image.open(HERE / "astronaut.png") as source:
        upright = source.convert("RGB").crop((64, 0, 448, 512)).resize((768, 1024), Image.Resampling.LANCZOS)
        profile = source.info["icc_profile"]
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Darkroom", "Sample phone", 6
    exif[0x8825] = {1: "N", 2: (28.0, 34.0, 22.4), 3: "W", 4: (80.0, 39.0, 3.6)}  # the Kennedy Space Center, in degrees, minutes, seconds
    upright.transpose(Image.Transpose.ROTATE_90).save(target, quality=88, exif=exif, icc_profile=profile)


def cat_cutout_png(target: Path) -> None:
    """A feathered disc of cat. Where alpha is 0 the hidden colour is pure magenta: a careless downscale shows it as a pink rim."""
    with Image.open(HERE / "cat.png") as source:
        cat = source.convert("RGB").crop((40, 0, 340, 300))
    alpha = Image.new("L", cat.size, 0)
    ImageDraw.Draw(alpha).ellipse((12, 12, 288, 288), fill=255)
    alpha = alpha.filter(ImageFilter.GaussianBlur(3))
    cat.paste((255, 0, 255), mask=alpha.point(lambda level: 255 if level == 0 else 0))
    cat.putalpha(alpha)
    cat.save(target, optimize=True)


def cat_gif(target: Path) -> None:
    """24 frames at 12 a second, for ever: the camera goes to the eye and comes back."""
    move = moving(240, 160, 24, 12, zoom="1.6-0.6*cos(2*PI*on/24)", x="(iw-iw/zoom)*0.34", y="(ih-ih/zoom)*0.38")
    palette = "split[a][b];[a]palettegen=max_colors=96[p];[b][p]paletteuse=dither=bayer:bayer_scale=4"
    ffmpeg("-i", "cat.png", "-vf", f"{move},{palette}", *BIT_EXACT, "-loop", "0", str(target))


def clip_mp4(target: Path) -> None:
    """The demo's clip: four shots of 2 s with hard cuts, stereo sound, the moov box at the end as cameras write it."""
    shots = {
        "china.jpg": moving(1280, 720, 60, 30, zoom="1+0.005*on", x="(iw-iw/zoom)*0.25", y="(ih-ih/zoom)*0.3"),
        "flower.jpg": moving(1280, 720, 60, 30, zoom="1.5-0.005*on"),
        "coffee.png": moving(1280, 720, 60, 30, zoom="1.25", x="(iw-iw/zoom)*on/60"),
        "rocket.jpg": moving(1280, 720, 60, 30, zoom="1.25", y="(ih-ih/zoom)*(1-on/60)"),
    }
    inputs = [arg for name in shots for arg in ("-i", name)]
    chains = "".join(f"[{i}]{filters},{TO_709}[v{i}];" for i, filters in enumerate(shots.values()))
    labels = "".join(f"[v{i}]" for i in range(len(shots)))
    sound = f"{plucks(8, 220, 7)}[l];{plucks(8, 330, 5)}[r];[l][r]amerge=inputs=2[a]"
    graph = f"{chains}{labels}concat=n={len(shots)}[v];{sound}"
    ffmpeg(*inputs, "-filter_complex", graph, "-map", "[v]", "-map", "[a]", *H264, "-c:a", "aac", "-b:a", "128k", *BIT_EXACT, str(target))


def phone_rotated_mov(target: Path) -> None:
    """As a phone held upright stores it: 1280×720 pixels lying on their side, a display matrix that turns them, and a place."""
    move = moving(720, 1280, 120, 30, zoom="1+0.004*on", x="(iw-iw/zoom)*0.4", y="(ih-ih/zoom)*0.15")
    with tempfile.TemporaryDirectory() as scratch:
        lying = str(Path(scratch, "lying.mov"))
        sound = ("-f", "lavfi", "-i", plucks(4, 262, 7))
        picture = ("-filter_complex", f"[0]{move},transpose=cclock,{TO_709}[v]", "-map", "[v]", "-map", "1:a")
        ffmpeg("-i", "astronaut.png", *sound, *picture, *H264, "-c:a", "aac", "-b:a", "96k", *BIT_EXACT, lying)
        place = ("-metadata", "location=+28.5729-080.6510/")
        ffmpeg("-display_rotation", "-90", "-i", lying, "-c", "copy", *BIT_EXACT, *place, str(target))


def hdr_hlg_mp4(target: Path) -> None:
    """10-bit HEVC, BT.2020, HLG. The lamps and the rocket are stretched to several times diffuse white: clipping burns them out."""
    stretch = ":".join(f"{c}='{c}(X,Y)*(2+4*pow({c}(X,Y),2))'" for c in "rgb")
    light = "setparams=color_trc=iec61966-2-1:color_primaries=bt709:colorspace=gbr,zscale=t=linear,format=gbrpf32le"
    hlg = "zscale=p=bt2020:t=arib-std-b67:m=bt2020nc:r=tv:npl=100,format=yuv420p10le,setsar=1"
    # One still is graded, repeated, and the window moved over it: grading every frame would take minutes.
    graph = f"format=gbrp,scale=1440:-2:flags=lanczos,{light},geq={stretch},{hlg},loop=74:1:0,setpts=N/25/TB,fps=25,crop=1280:720:2*n:240"
    tags = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc:range=limited:pools=2:frame-threads=1:log-level=error"
    hevc = ("-c:v", "libx265", "-preset", "medium", "-crf", "22", "-x265-params", tags, "-tag:v", "hvc1")
    ffmpeg("-i", "rocket.jpg", "-vf", graph, *hevc, *BIT_EXACT, str(target))


def vp9_webm(target: Path) -> None:
    """What a browser records: VP9 and Opus."""
    move = moving(854, 480, 100, 25, zoom="1.3-0.003*on", x="(iw-iw/zoom)*0.6", y="(ih-ih/zoom)*0.4")
    vp9 = ("-c:v", "libvpx-vp9", "-crf", "34", "-b:v", "0", "-threads", "2", "-row-mt", "0")
    opus = ("-f", "lavfi", "-i", plucks(4, 196, 5), "-map", "0:v", "-map", "1:a", "-c:a", "libopus", "-b:a", "64k")
    ffmpeg("-i", "coffee.png", *opus, "-vf", f"{move},{TO_709}", *vp9, *BIT_EXACT, str(target))


def broadcast_ts(target: Path) -> None:
    """European standard definition: 50 fields a second (top first) of 720×576 pixels that are 16:15 wide. Time does not begin at 0."""
    move = moving(768, 576, 150, 50, zoom="1.4", x="(iw-iw/zoom)*on/150", y="(ih-ih/zoom)*0.3")
    pixels = "scale=720:576:out_color_matrix=bt470bg:out_range=tv:flags=lanczos,format=yuv420p,setsar=16/15,tinterlace=interleave_top"
    tags = "setparams=colorspace=bt470bg:color_primaries=bt470bg:color_trc=smpte170m:range=tv"
    fields = ("-flags:v", "+bitexact+ilme+ildct", "-x264-params", "tff=1", "-g", "12")
    sound = ("-f", "lavfi", "-i", plucks(3, 247, 7), "-map", "0:v", "-map", "1:a", "-c:a", "mp2", "-b:a", "128k")
    ffmpeg("-i", "china.jpg", *sound, "-vf", f"{move},{pixels},{tags}", *H264, *BIT_EXACT, *fields, str(target))


def tune_mp3(target: Path) -> None:
    """Sound with a cover picture: the cover is an attachment, not a video of one frame."""
    sound = ("-f", "lavfi", "-i", plucks(5, 220, 7), "-map", "1:a", "-c:a", "libmp3lame", "-b:a", "96k")
    cover = ("-map", "0:v", "-vf", "scale=300:-2,setsar=1", "-c:v", "mjpeg", "-q:v", "4", "-disposition:v", "attached_pic")
    title = ("-metadata", "title=Fifths", "-metadata:s:v", "comment=Cover (front)")
    ffmpeg("-i", "cat.png", *sound, *cover, *BIT_EXACT, *title, "-id3v2_version", "3", str(target))


def broken_jpg(target: Path) -> None:
    """An upload that stopped half-way: the header is whole, the lower half of the picture never came."""
    whole = (HERE / "flower.jpg").read_bytes()
    target.write_bytes(whole[: len(whole) // 2])


MADE: dict[str, Callable[[Path], None]] = {
    "phone_portrait.jpg": phone_portrait_jpg,
    "cat_cutout.png": cat_cutout_png,
    "cat.gif": cat_gif,
    "clip.mp4": clip_mp4,
    "phone_rotated.mov": phone_rotated_mov,
    "hdr_hlg.mp4": hdr_hlg_mp4,
    "vp9.webm": vp9_webm,
    "broadcast.ts": broadcast_ts,
    "tune.mp3": tune_mp3,
    "broken.jpg": broken_jpg,
}


def sha256(path: Path) -> str:
    """The file's digest in hex; an absent file has the digest "absent"."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "absent"


def files() -> list[dict[str, object]]:
    """The manifest's entries."""
    entries: list[dict[str, object]] = json.loads(MANIFEST.read_text("utf-8"))["files"]
    return entries


def differing() -> list[str]:
    """Names of the files whose bytes are not the manifest's."""
    return [str(entry["name"]) for entry in files() if sha256(HERE / str(entry["name"])) != entry["sha256"]]


def remake() -> None:
    """Writes every made file, then its digest wherever the old one stood."""
    for name, make in MADE.items():
        make(HERE / name)
        print(f"{name}: {(HERE / name).stat().st_size:,} bytes")
    renewed = {str(entry["sha256"]): sha256(HERE / str(entry["name"])) for entry in files() if entry["name"] in MADE}
    for document in (MANIFEST, README):
        text = document.read_text("utf-8")
        for old, new in renewed.items():
            text = text.replace(old, new)
        document.write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare the files with their digests")
    if not parser.parse_args().check:
        remake()
    wrong = differing()
    for name in wrong:
        print(f"{name}: not the bytes that manifest.json names", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
