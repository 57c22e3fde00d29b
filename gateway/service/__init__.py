"""Use cases: each takes a session (one transaction) or opens its own, decides with `gateway.domain`, and writes rows.

arrivals → probing → jobs → admission → claims → results is an upload's way through; reaper, reconciler and dead_letters mend what got lost.
"""
