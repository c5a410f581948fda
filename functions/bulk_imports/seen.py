"""Which rows have come before: the hashes of their identities, in a table of eight bytes each.

A Python set of as many would take ten times the memory. With 64 bits, two rows of five million
that differ are taken for the same once in a million such files.
"""

import hashlib
from array import array

from connector.commerce_layer.importing import Identity

SMALLEST, LARGEST = 1 << 14, 1 << 23  # 64 MB


class Seen:
    """`full` once it takes no more: what comes after is not looked for."""

    def __init__(self, table: bytes = b"", largest: int = LARGEST) -> None:
        self._largest = largest
        self._table = array("Q", table or bytes(8 * SMALLEST))
        self._count = sum(1 for each in self._table if each)

    @property
    def full(self) -> bool:
        return self._count * 10 >= self._largest * 7

    def add(self, identity: Identity) -> bool:
        """False if it was there. True if not, or if nobody can say any more."""
        text = "\0".join(identity).encode(errors="surrogatepass")
        value = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") or 1
        place = self._find(self._table, value)
        if self._table[place]:
            return False
        if not self.full:
            self._table[place] = value
            self._count += 1
            if self._count * 10 > len(self._table) * 6 and len(self._table) < self._largest:
                self._grow()
        return True

    def dump(self) -> bytes:
        return self._table.tobytes()

    @staticmethod
    def _find(table: "array[int]", value: int) -> int:
        """Where the value is, or where it belongs: the next free place after its own."""
        mask = len(table) - 1
        place = value & mask
        while (there := table[place]) and there != value:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        larger = array("Q", bytes(16 * len(self._table)))
        for value in self._table:
            if value:
                larger[self._find(larger, value)] = value
        self._table = larger
