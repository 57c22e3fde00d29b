"""Probe: what a media is, and whether Darkroom takes it. A step in every media's life, named by no client.

main     the entry: bytes, then a still or a stream
still    facts of a picture, by Pillow, in the image worker
stream   one ffmpeg pass over video and sound that lists packets and decodes nothing
report   what ffmpeg said of its input, read into records
plan     what all that means: facts, or why not
"""
