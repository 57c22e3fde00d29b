"""Darkroom's functions: stateless CloudEvents handlers, one folder an operation, and what they share.

errors      how work can end badly
runtime     HTTP ⇄ CloudEvent ⇄ handler: claim, heartbeats, results
sandbox     the only way to run a decoder; `confine` is its child's side
media       containers, magic bytes, ffmpeg and Pillow held to the allowlists
"""
