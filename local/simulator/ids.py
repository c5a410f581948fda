"""Opaque ids of ten letters which encode the creation order of a record.

As in the real API the order of `sort=id` is creation order, while the strings look random: a
client that compares ids by itself goes wrong here too.
"""

from string import ascii_letters

_BASE = len(ascii_letters)
_SPACE = _BASE**10
# Any odd number that 13 does not divide has an inverse modulo 52**10; this one scatters well.
_STRIDE = 82_117_438_611_906_437
_INVERSE = pow(_STRIDE, -1, _SPACE)
_DIGIT = {letter: digit for digit, letter in enumerate(ascii_letters)}


def encode(number: int) -> str:
    scattered = number * _STRIDE % _SPACE
    letters = []
    for _ in range(10):
        scattered, digit = divmod(scattered, _BASE)
        letters.append(ascii_letters[digit])
    return "".join(letters)


def decode(identifier: str) -> int | None:
    """None if it cannot be an id. The record need not exist (any more)."""
    if len(identifier) != 10:
        return None
    scattered = 0
    for letter in reversed(identifier):
        if letter not in _DIGIT:
            return None
        scattered = scattered * _BASE + _DIGIT[letter]
    return scattered * _INVERSE % _SPACE
