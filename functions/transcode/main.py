"""The transcode function's entry points: `handle` for functions-framework, `python -m functions.transcode.main` for a JobSink's Job."""

from functions.runtime import as_job, function
from functions.transcode.transcode import transcode

handle = function("transcode", transcode)

if __name__ == "__main__":
    as_job("transcode", transcode)
