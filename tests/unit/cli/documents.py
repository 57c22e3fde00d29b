"""Documents as the gateway gives them, with only what differs said."""

from typing import Any


def media(state: str = "accepted", *, name: str = "clip.mp4", kind: str = "video", error: tuple[str, str] | None = None) -> dict[str, Any]:
    facts = {"kind": kind, "width_px": 1280, "height_px": 720, "duration_ms": 8000} if state == "accepted" else None
    return {
        "media_id": f"media-of-{name}", "filename": name, "state": state, "facts": facts, "sha256": "0" * 64,
        "error": error and {"class": error[0], "message": error[1]},
    }  # fmt: skip


def task(
    operation: str, state: str = "queued", *, error: tuple[str, str] | None = None, progress: float | None = None, **parameters: Any
) -> dict[str, Any]:
    return {
        "task_id": f"task-{operation}-{parameters}", "operation": operation, "parameters": parameters, "state": state,
        "progress": 1.0 if state == "done" else progress, "artifacts": [artifact(operation, **parameters)] if state == "done" else [],
        "error": error and {"class": error[0], "message": error[1]},
    }  # fmt: skip


def job(state: str, *tasks: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {"job_id": f"job-{number}", "media_id": "media-of-clip.mp4", "state": state, "tasks": list(tasks)}


def artifact(operation: str, content_type: str = "video/mp4", **parameters: Any) -> dict[str, Any]:
    return {"operation": operation, "parameters": parameters, "content_type": content_type, "width_px": 854, "height_px": 480, "bytes": 7}
