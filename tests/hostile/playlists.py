"""Files that name other files: each would have a careless reader open the canary's files or call its listener."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hostile.canary import Canary
from tests.media import ffmpeg


def dash(canary: Canary) -> bytes:
    """A DASH manifest whose pictures are a file, and whose sound is a URL."""
    sets = "".join(
        f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp2t"><Representation id="{kind}" bandwidth="1"><BaseURL>{url}</BaseURL>'
        "</Representation></AdaptationSet>"
        for kind, url in (("video", f"file:{canary.clip}"), ("audio", f"{canary.url}/dash.ts"))
    )
    head = 'xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static"'
    return f'<?xml version="1.0"?>\n<MPD {head} mediaPresentationDuration="PT2S"><Period duration="PT2S">{sets}</Period></MPD>'.encode()


def hls(canary: Canary) -> bytes:
    """An HLS playlist of a URL and a file."""
    lines = [
        "#EXTM3U",
        "#EXT-X-TARGETDURATION:2",
        "#EXTINF:2,",
        f"{canary.url}/hls.ts",
        "#EXTINF:2,",
        str(canary.clip),
        "#EXT-X-ENDLIST",
        "",
    ]
    return "\n".join(lines).encode()


def hls_of_files(canary: Canary) -> bytes:
    """The same of a file alone."""
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{canary.clip}\n#EXT-X-ENDLIST\n".encode()


def ffconcat(canary: Canary) -> bytes:
    """FFmpeg's own playlist, with a file that lies beside: an absolute path it would refuse by itself."""
    return f"ffconcat version 1.0\nfile {canary.clip.parent.name}/{canary.clip.name}\n".encode()


def pls(canary: Canary) -> bytes:
    """A player's playlist."""
    return f"[playlist]\nFile1={canary.clip}\nFile2={canary.url}/pls.ts\nNumberOfEntries=2\n".encode()


def sdp(canary: Canary) -> bytes:
    """A session description: listen here, connect there."""
    port = canary.url.rsplit(":", 1)[1]
    session = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    return f"{session}m=video {port} TCP/RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n".encode()


def svg(canary: Canary) -> bytes:
    """A drawing with an external entity, a local picture and a remote one."""
    doctype = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{canary.text}">]>'
    images = f'<image xlink:href="file://{canary.text}"/><image xlink:href="{canary.url}/svg.png"/><text>&x;</text>'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">{images}</svg>'
    return f'<?xml version="1.0"?>{doctype}{drawing}'.encode()


def eps(canary: Canary) -> bytes:
    """A program in PostScript that reads a file."""
    program = f"({canary.text}) (r) file 100 string readstring pop show (%pipe%curl {canary.url}/eps) (r) file"
    return f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n{program}\nshowpage\n%%EOF\n".encode()


def pdf(canary: Canary) -> bytes:
    """A document that opens a file and a URL."""
    action = f"<< /S /Launch /F ({canary.text}) /Next << /S /URI /URI ({canary.url}/pdf) >> >>"
    return f"%PDF-1.7\n1 0 obj << /Type /Catalog /OpenAction {action} >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n".encode()


def reference_movie(canary: Canary) -> bytes:
    """A QuickTime movie, right by its magic, whose samples lie in another file (`dref` with an alias)."""
    path = canary.text.with_name("own.mov")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-c:v", "libx264", "-f", "mov", path)
    data = path.read_bytes()
    path.unlink()
    at = data.index(b"dref") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    name = str(canary.clip).encode()
    # An alias record of version 2 (150 bytes before its list), then the absolute path: entry 2, ffmpeg's, and 18, the POSIX one.
    record = bytes(4 + 2) + (2).to_bytes(2, "big") + bytes(42) + bytes(100)
    path_bytes = len(name).to_bytes(2, "big") + name + bytes(len(name) % 2)
    entries = b"".join(kind.to_bytes(2, "big") + path_bytes for kind in (2, 18))
    alias = record + entries + b"\xff\xff\0\0"
    reference = (12 + len(alias)).to_bytes(4, "big") + b"alis" + bytes(4) + alias
    box = (16 + len(reference)).to_bytes(4, "big") + b"dref" + bytes(4) + (1).to_bytes(4, "big") + reference
    grown = bytearray(data[:at] + box + data[at + size :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        where = grown.index(kind) - 4
        grown[where : where + 4] = (int.from_bytes(grown[where : where + 4], "big") + len(box) - size).to_bytes(4, "big")
    return bytes(grown)


ATTACKS: Mapping[str, Callable[[Canary], bytes]] = {
    "dash": dash,
    "hls": hls,
    "hls of files": hls_of_files,
    "ffconcat": ffconcat,
    "pls": pls,
    "sdp": sdp,
    "svg": svg,
    "eps": eps,
    "pdf": pdf,
    "reference movie": reference_movie,
}


def written(folder: Path, name: str, data: bytes) -> Path:
    """The attack as a file of that name."""
    path = folder / name
    path.write_bytes(data)
    path.chmod(0o444)
    return path
