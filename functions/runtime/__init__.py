"""HTTP ⇄ CloudEvent ⇄ handler: what every function does around its work."""
