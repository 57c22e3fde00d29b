"""The one place where test media meet the ffmpeg binary."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe


def ffmpeg(*args: str | Path, feed: Iterable[bytes] = ()) -> tuple[bytes, str]:
    """Runs ffmpeg with `args` and `feed` on its standard input. Returns standard output and error; raises RuntimeError with the latter."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-nostats", "-y", *map(str, args)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # A small header is all that ffmpeg says before its input ends, so feeding first cannot deadlock.
        assert process.stdin is not None
        try:
            for chunk in feed:
                process.stdin.write(chunk)
        except BrokenPipeError:
            pass  # it stopped early; its message below says why
        out, err = process.communicate()
    message = err.decode("utf-8", "replace")
    if process.returncode != 0:
        raise RuntimeError(f"ffmpeg {' '.join(map(str, args))}\n{message}")
    return out, message


def describe(path: Path) -> str:
    """What `ffmpeg -i` says about the file: it complains that no output is named, after having told everything."""
    result = subprocess.run([get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path)], capture_output=True, check=False)
    return result.stderr.decode("utf-8", "replace")
