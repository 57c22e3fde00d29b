"""The transcode function's entry point: what functions-framework serves."""

from functions.runtime import function
from functions.transcode.transcode import transcode

handle = function("transcode", transcode)
