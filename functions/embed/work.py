"""Vectors of how a media looks: one a frame in an artifact, and their mean for the search."""

import base64
from typing import Final

from functions.embed.decode import pixels
from functions.embed.models import load
from functions.errors import Unsupported
from functions.runtime.job import Job, Outcome, Output
from schemas.facts import Kind
from schemas.parameters import EmbedParameters
from schemas.payloads import Vector

NAME: Final = "embedding.npy"
CONTENT_TYPE: Final = "application/x-npy"


def embed(job: Job) -> Outcome:
    """The job's embedding: float32 (frames, dimensions) as `embedding.npy`, and their mean of length 1.

    Raises:
        Unsupported: sound has no looks; the model has no weights here.
        FunctionError: as `pixels`, `load`.
    """
    facts, parameters = job.facts, job.parameters
    assert facts is not None
    assert isinstance(parameters, EmbedParameters)
    if facts.kind is Kind.AUDIO:
        raise Unsupported("Sound has no looks to embed.")
    assert facts.width_px
    assert facts.height_px
    model = load(parameters.model)
    width_px, height_px = model.fit(facts.width_px, facts.height_px)
    raw = bytearray(pixels(job, facts, (width_px, height_px), parameters.frames))
    job.progress(0.5)
    import numpy
    import torch
    from torch.nn.functional import normalize

    frames = torch.frombuffer(raw, dtype=torch.uint8).view(-1, height_px, width_px, 3)
    rows = model.embed(frames)
    path = job.out / NAME
    numpy.save(path, rows.numpy().astype("<f4"), allow_pickle=False)
    mean = normalize(rows.mean(0), dim=0).numpy().astype("<f4")
    vector = Vector(model=model.name, dimensions=model.dimensions, base64=base64.b64encode(mean.tobytes()).decode())
    return Outcome(outputs=[Output(path=path, content_type=CONTENT_TYPE)], vector=vector)
