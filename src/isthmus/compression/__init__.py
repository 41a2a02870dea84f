"""Tables as few bytes, with a stated largest error."""

from isthmus.compression.table import compress, decompress

__all__ = ["compress", "decompress"]
