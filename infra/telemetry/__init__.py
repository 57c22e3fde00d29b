"""What every process says of itself, in one form: JSON log lines, and spans that continue one another by `traceparent`.

Knows `schemas` at most; the gateway, the functions, the bucket source and the local platform import it. Metrics are each part's own.
"""
