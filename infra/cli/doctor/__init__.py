"""What a system on this machine needs, looked at."""
