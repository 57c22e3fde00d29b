"""`python healthy.py [PATH]`: an image's health check. Exit 0 if this container answers 2xx on its port, else 1."""

import os
import sys
from http.client import HTTPConnection, HTTPException

if __name__ == "__main__":
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8080")), timeout=5)
    try:
        connection.request("GET", sys.argv[1] if len(sys.argv) > 1 else "/")
        sys.exit(connection.getresponse().status // 100 != 2)
    except (OSError, HTTPException) as exc:
        sys.exit(f"not healthy: {exc}")
