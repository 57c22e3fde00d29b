"""How much a child of the sandbox may take. Memory is a setting; the rest follows from what the child is for."""

from dataclasses import dataclass

from functions.media.formats import MediaLimits

GIB = 1 << 30
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """One child's bounds.

    Attributes:
        memory_factor: all that it maps, in multiples of the setting MEDIA_MAX_MEMORY_BYTES.
        cpu_s: seconds of processor time, over all its threads.
        file_bytes: the largest single file that it writes.
        open_files: file descriptors.
        processes: processes and threads, counted where it has a uid or a user namespace of its own.
        output_bytes: all that is in its write folder, watched.
    """

    memory_factor: int = 1
    cpu_s: int = 1200
    file_bytes: int = 4 * GIB
    open_files: int = 64
    processes: int = 512
    output_bytes: int = 4 * GIB

    @property
    def address_space_bytes(self) -> int:
        """All that it maps."""
        return self.memory_factor * MediaLimits.from_environment().max_memory_bytes

    def rlimits(self) -> dict[str, int]:
        """As `resource` names them, without RLIMIT_."""
        return {"AS": self.address_space_bytes, "CPU": self.cpu_s, "FSIZE": self.file_bytes, "NOFILE": self.open_files}


IMAGE_LIMITS = Limits(cpu_s=30, file_bytes=64 * MIB, processes=64, output_bytes=128 * MIB)
