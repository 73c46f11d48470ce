"""Vectors as frames of bytes, for a serial line: START, the beats of one vector, CRC-8.

A beat takes as many whole bytes as it needs, low byte first (`nc.ir.stream.pack` makes them). A device answers each
frame with one frame; the CRC of an answer is inverted when the frame before it came damaged.
"""

from __future__ import annotations

START = 0x6E  # "n"
BAUD = 115_200
CRC_POLYNOMIAL = 0x07
"""x^8 + x^2 + x + 1 (ITU-T I.432.1's HEC polynomial), initial value 0, high bit first."""


def bytes_of(width: int) -> int:
    """Whole bytes of a beat of `width` bits."""
    return -(-width // 8)


def crc8(data: bytes) -> int:
    """The check byte of `data`."""
    crc = 0
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc


def frame(payload: bytes) -> bytes:
    """The frame around the beats of one vector."""
    return bytes([START, *payload, crc8(payload)])


def _step(crc: int) -> int:
    for _ in range(8):
        crc = (crc << 1 ^ (CRC_POLYNOMIAL if crc & 0x80 else 0)) & 0xFF
    return crc


_TABLE = tuple(_step(crc) for crc in range(256))
