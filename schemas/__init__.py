"""Darkroom's contracts: events, payloads, the operation catalogue, object keys, failure classes, the envelope.

Pure: nothing here opens a file, a socket or a database, and nothing here imports another of our packages.
"""
