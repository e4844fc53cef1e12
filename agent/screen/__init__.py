"""Sees a shared screen: images in, the text on them out; its own server, client and contract."""
