"""The chunks of an XDF file: which of them are whole, so that a broken file gives what it still holds."""

import struct
from dataclasses import dataclass, field

MAGIC = b"XDF:"
HEADER, SAMPLES, OFFSET, FOOTER = 2, 3, 4, 6
_OF_A_STREAM = (HEADER, SAMPLES, OFFSET, FOOTER)
_LENGTHS = {1: "<B", 4: "<I", 8: "<Q"}
_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")  # what the content of a boundary chunk is


@dataclass
class Chunks:
    """Where the whole chunks of a file lie, and what is wrong with the rest.

    ``parts`` are (start, end) in bytes. ``damaged`` are the places at which no chunk begins where one should,
    ``truncated`` the place of a chunk that goes on beyond the end of the file, ``orphans`` how many chunks belong
    to streams of which the header is lost.
    """

    parts: list[tuple[int, int]] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    truncated: int | None = None
    orphans: int = 0

    @property
    def whole(self) -> bool:
        """Whether every chunk is there and whole."""
        return not self.damaged and self.truncated is None and not self.orphans

    def join(self, content: bytes) -> bytes:
        """Return a file of the whole chunks alone."""
        return MAGIC + b"".join(content[start:end] for start, end in self.parts)


def scan(content: bytes) -> Chunks:
    """Find the chunks of a file that begins with the magic bytes."""
    found = Chunks()
    known: set[int] = set()
    place = len(MAGIC)
    while place < len(content):
        chunk = _chunk(content, place)
        if chunk is None:
            place = _resume(content, place, found)
            continue
        end, tag, stream = chunk
        if tag == HEADER:
            known.add(stream)
        if tag in _OF_A_STREAM and stream not in known:
            found.orphans += 1
        else:
            found.parts.append((place, end))
        place = end
    return found


def _chunk(content: bytes, place: int) -> tuple[int, int, int] | None:
    """Return end, tag and stream of the chunk at ``place``; None where there is none, or not all of it."""
    size = content[place]
    head = place + 1 + size
    if size not in _LENGTHS or head + 2 > len(content):
        return None
    (length,) = struct.unpack_from(_LENGTHS[size], content, place + 1)
    (tag,) = struct.unpack_from("<H", content, head)
    end = head + length
    of_a_stream = tag in _OF_A_STREAM
    if not 1 <= tag <= FOOTER or length < (6 if of_a_stream else 2) or end > len(content):
        return None
    return end, tag, struct.unpack_from("<I", content, head + 2)[0] if of_a_stream else -1


def _resume(content: bytes, place: int, found: Chunks) -> int:
    """Note what is wrong at ``place`` and return where to go on: behind the next boundary, or at the end."""
    boundary = content.find(_BOUNDARY, place)
    if boundary < 0:
        found.truncated = place
        return len(content)
    found.damaged.append(place)
    return boundary + len(_BOUNDARY)
