"""The broker-facing listener: events, dead letters, heartbeats. Never published."""
