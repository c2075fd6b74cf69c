"""Cuts off from compiled libraries what only debuggers read: `python strip.py FOLDER`.

What the loader maps is said by the program headers; symbols and debugging data lie behind it, in
sections that are never loaded. They are a third of all that the image would have, and binutils are
not in its base.
"""

import struct
import sys
from pathlib import Path

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
ELF_64_LITTLE = b"\x7fELF\x02\x01"


def strip(file: Path) -> int:
    """Cut one; how many bytes are gone."""
    data = file.read_bytes()
    if not data.startswith(ELF_64_LITTLE):
        return 0
    *fields, _sections, flags, size, entry, count, entry_of_section, _number, _names = (
        HEADER.unpack_from(data)
    )
    at = fields[-1]
    segments = [SEGMENT.unpack_from(data, at + i * entry) for i in range(count)]
    end = max(
        [at + count * entry, *(offset + length for _, _, offset, _, _, length, *_ in segments)]
    )
    header = HEADER.pack(*fields, 0, flags, size, entry, count, entry_of_section, 0, 0)
    file.write_bytes(header + data[len(header) : end])
    return len(data) - end


if __name__ == "__main__":
    gone = sum(strip(file) for file in Path(sys.argv[1]).rglob("*.so*") if file.is_file())
    sys.stdout.write(f"{gone / 1e6:.1f} MB of symbols are gone.\n")
