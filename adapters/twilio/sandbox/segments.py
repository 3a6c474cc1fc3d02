"""How many SMS segments a text takes: GSM-7 (160, or 153 each) or UCS-2 (70, or 67 each)."""

from __future__ import annotations

# 3GPP TS 23.038: the default alphabet, and its extension, whose characters count twice.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")

GSM_SINGLE, GSM_PART = 160, 153
UCS_SINGLE, UCS_PART = 70, 67


def segments(body: str) -> int:
    """The number of segments; an empty text takes one."""
    if all(character in GSM_BASIC or character in GSM_EXTENDED for character in body):
        return _parts([2 if character in GSM_EXTENDED else 1 for character in body], GSM_SINGLE, GSM_PART)
    return _parts([len(character.encode("utf-16-be")) // 2 for character in body], UCS_SINGLE, UCS_PART)


def _parts(widths: list[int], single: int, part: int) -> int:
    """A character is never split over two segments, so parts are filled one character at a time."""
    if sum(widths) <= single:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > part:
            count, used = count + 1, 0
        used += width
    return count
