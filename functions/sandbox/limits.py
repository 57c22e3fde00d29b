"""How much a child of the sandbox may take."""

from dataclasses import dataclass

GIB = 1 << 30
MIB = 1 << 20


def in_words(count: int) -> str:
    """Bytes as a sentence has them: `2 GiB`, `1.5 MiB`, `900 bytes`."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """One child's bounds.

    Attributes:
        address_space_bytes: all that it maps.
        cpu_s: seconds of processor time, over all its threads.
        file_bytes: the largest single file that it writes.
        open_files: file descriptors.
        processes: processes and threads, counted where it has a uid or a user namespace of its own.
        output_bytes: all that is in its write folder, watched.
    """

    address_space_bytes: int = 2 * GIB
    cpu_s: int = 1200
    file_bytes: int = 4 * GIB
    open_files: int = 64
    processes: int = 512
    output_bytes: int = 4 * GIB

    def rlimits(self) -> dict[str, int]:
        """As `resource` names them, without RLIMIT_."""
        return {"AS": self.address_space_bytes, "CPU": self.cpu_s, "FSIZE": self.file_bytes, "NOFILE": self.open_files}


IMAGE_LIMITS = Limits(cpu_s=30, file_bytes=64 * MIB, processes=64, output_bytes=128 * MIB)
