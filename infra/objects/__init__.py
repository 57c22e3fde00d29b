"""The object store: one port (`port.py`), two adapters (`folder.py`, `s3.py`), opened by URL (`open.py`)."""
