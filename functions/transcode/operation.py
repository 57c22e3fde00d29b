"""What transcode declares of itself."""

from schemas.facts import Kind, MediaFacts
from schemas.operation import Operation
from schemas.parameters import Parameters, TranscodeParameters


def predict_transcode_s(parameters: Parameters, facts: MediaFacts) -> float:
    """Seconds for one transcode: decoding by the source's pixels, encoding by the rendition's, plus a second to start.

    The two costs are seconds a pixel of wall time on two shared cores. Measured as processor time over two, with grainy pictures: decoding
    and scaling 3.1e-9 (H.264, 1080p) to 4.1e-9 (HEVC, 10 bits), encoding 8.8e-9, with tone mapping 1.45e-8. Here 1.4 to 2.2 times that, for
    what shares the cores.
    """
    assert isinstance(parameters, TranscodeParameters)
    decode_s_px, encode_s_px = 6e-9, 2e-8
    width, height = facts.width_px or 1920, facts.height_px or 1080
    frames = facts.frames or round((facts.duration_ms or 0) / 1000 * (facts.frame_rate or 30))
    scale = min(1.0, parameters.short_side_px / min(width, height))
    return 1.0 + frames * width * height * (decode_s_px + scale * scale * encode_s_px)


OPERATION = Operation(
    name="transcode",
    version=1,
    kinds=frozenset({Kind.VIDEO}),
    parameters=TranscodeParameters,
    aliases={f"transcode_{p}p": TranscodeParameters(short_side_px=p) for p in (240, 360, 480, 720, 1080)},
    deadline_s=570,
    job_deadline_s=6 * 3600,
    predict_s=predict_transcode_s,
)
