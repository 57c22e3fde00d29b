"""The object store: one port (`port.py`), three adapters (`folder.py`, `s3.py`, `memory.py`), opened by URL (`open.py`)."""
