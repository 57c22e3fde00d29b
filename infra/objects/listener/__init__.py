"""The folder store's own HTTP server: presigned reads and writes on a second origin, so that hostile bytes never share the dashboard's,
and the notifications that MinIO would send.

    GET, HEAD  /o/{bucket}/{key}?…signature    Range, If-Match, If-None-Match
    PUT        /o/{bucket}/{key}?…signature
    POST       /o/{bucket}                     multipart/form-data by a POST policy
    GET        /healthz

One process on one event loop: a slow client costs a socket and nothing else. Run as `python -m infra.objects.listener`.
"""
