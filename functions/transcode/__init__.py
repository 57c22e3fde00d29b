"""transcode: an H.264 and AAC rendition in MP4, whole or not at all.

look → plan (colour) → ffmpeg in the sandbox (progress) → verdict
"""
