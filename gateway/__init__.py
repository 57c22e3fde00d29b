"""The gateway: takes uploads, creates jobs, admits work, records results, hands out presigned URLs. It never touches pixels.

web (public) · internal (broker-facing) · worker (relay, reaper) → service (use cases) → domain (pure decisions) and store (PostgreSQL).
"""
