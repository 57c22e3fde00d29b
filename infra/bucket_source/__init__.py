"""The bucket source: an object store's webhook in, one CloudEvent for each upload out, to the broker."""
