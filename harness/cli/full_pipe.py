"""A reader who never reads, for the tests of what prints."""

import os


def full_pipe():
    """A pipe without room for a byte more: its ends, of which the second blocks."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer
