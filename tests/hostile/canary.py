"""A file that must never be opened, and a listener on loopback that must never be called: both tell."""

import ctypes
import functools
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

_IN_ACCESS, _IN_OPEN, _IN_NONBLOCK = 0x1, 0x20, os.O_NONBLOCK
SECRET = b"darkroom-canary-5f1c"


@functools.cache
def _clip() -> bytes:
    picture = ("-f", "lavfi", "-i", "color=magenta:s=64x64:r=5:d=2", "-c:v", "libx264", "-preset", "ultrafast")
    words = ("-metadata", f"service_name={SECRET.decode()}", "-f", "mpegts", "-")
    return subprocess.run([get_ffmpeg_exe(), "-v", "error", *picture, *words], check=True, capture_output=True).stdout


class Canary:
    """One of each.

    Attributes:
        text: a file of words that somebody should keep to themselves.
        clip: a transport stream, which every demuxer of playlists would gladly read.
        url: of the listener.
    """

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.text, self.clip = folder / "secret.txt", folder / "secret.ts"
        self.text.write_bytes(SECRET)
        self.clip.write_bytes(_clip())
        folder.chmod(0o755)
        for path in (self.text, self.clip):
            path.chmod(0o644)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._listener, self._calls = listener, 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watch = self._libc.inotify_init1(_IN_NONBLOCK)
        for path in (self.text, self.clip):
            assert self._libc.inotify_add_watch(self._watch, os.fsencode(path), _IN_ACCESS | _IN_OPEN) >= 0

    def opened(self) -> int:
        """How often a file was opened or read since the last question."""
        try:
            data = os.read(self._watch, 65536)
        except BlockingIOError:
            return 0
        count, at = 0, 0
        while at < len(data):
            count, at = count + 1, at + 16 + struct.unpack_from("I", data, at + 12)[0]
        return count

    def called(self) -> int:
        """How often the listener was called since it is there."""
        return self._calls

    def assert_silent(self) -> None:
        assert (self.opened(), self.called()) == (0, 0)

    def listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._calls += 1
            with client:
                client.settimeout(2)
                try:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + self.clip.read_bytes())
                except OSError:
                    pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        os.close(self._watch)


@contextmanager
def canary_on(folder: Path) -> Iterator[Canary]:
    """A canary for the length of the block."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    bird = Canary(folder, listener)
    thread = threading.Thread(target=bird.listen, daemon=True)
    thread.start()
    try:
        yield bird
    finally:
        bird.close()
        thread.join(5)
