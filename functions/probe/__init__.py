"""Probe: what a media is, and whether Darkroom takes it. A step in every media's life, named by no client.

main     the entry: bytes, then a still or a stream
still    facts of a picture, by Pillow, in the image worker
stream   facts of video and sound, by one ffmpeg pass that decodes nothing
report   what ffmpeg said, read into records
plan     what the records mean: facts, or why not
whole    proof from a container's own sizes that a file was cut short
"""
