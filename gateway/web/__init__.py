"""The public listener: HTTP in, documents out. Routes call `gateway.service`; nothing is decided here."""
