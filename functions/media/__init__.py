"""What every operation knows about media: which containers and codecs are taken, how bytes are told apart, how tools are opened.

Nothing here starts a process or decodes outside one: that is `functions.sandbox`.
"""
