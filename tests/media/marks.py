"""The test card: four coloured corners that show which way is up, and a frame number that survives scaling and compression.

The number stands in the middle half of the picture, as two rows of seven cells: a white cell and six bits, a black cell and six bits,
least significant first. It is Gray-coded: two neighbouring numbers differ in one bit, so a blend of two frames reads as one of them and
never as a third. A bar below moves with every picture drawn, so that the two fields of an interlaced frame differ.
"""

from __future__ import annotations

from functools import cache

from PIL import Image

CORNERS = {"top_left": "red", "top_right": "green", "bottom_left": "blue", "bottom_right": "yellow"}
COLOURS = {"red": (200, 40, 40), "green": (40, 160, 70), "blue": (40, 60, 200), "yellow": (220, 200, 50)}
GREY = (110, 110, 110)
BITS_PER_ROW = 6
MAX_NUMBER = 4**BITS_PER_ROW - 1
BAR_STEPS = 16

Box = tuple[int, int, int, int]


def corner_boxes(width_px: int, height_px: int) -> dict[str, Box]:
    """Each corner's box: a quarter of the width by a quarter of the height, at least one pixel."""
    w, h = max(1, width_px // 4), max(1, height_px // 4)
    lefts, tops = {"left": 0, "right": width_px - w}, {"top": 0, "bottom": height_px - h}
    return {f"{v}_{u}": (lefts[u], tops[v], lefts[u] + w, tops[v] + h) for v in tops for u in lefts}


@cache
def corner_image(width_px: int, height_px: int) -> Image.Image:
    """Grey with coloured corners, CORNERS saying which, upright. Shared: copy before drawing on it."""
    image = Image.new("RGB", (width_px, height_px), GREY)
    for corner, box in corner_boxes(width_px, height_px).items():
        image.paste(COLOURS[CORNERS[corner]], box)
    return image


def cells(number: int) -> list[bool]:
    """The fourteen cells, row by row; True is white. Raises ValueError past twelve bits."""
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"{number} does not fit the test card")
    gray = number ^ (number >> 1)
    bits = [bool(gray >> i & 1) for i in range(2 * BITS_PER_ROW)]
    return [True, *bits[:BITS_PER_ROW], False, *bits[BITS_PER_ROW:]]


def number_of(levels: list[int]) -> int:
    """The number whose cells have these grey levels. Raises ValueError where no test card is seen (black, white, a slide)."""
    white, black = levels[0], levels[BITS_PER_ROW + 1]
    if white - black < 60:
        raise ValueError(f"no frame number here: white is {white}, black is {black}")
    bits = [level > (white + black) / 2 for level in levels]
    del bits[BITS_PER_ROW + 1], bits[0]
    gray = sum(bit << i for i, bit in enumerate(bits))
    number = 0
    while gray:
        number ^= gray
        gray >>= 1
    return number


def card(width_px: int, height_px: int, number: int, step: int) -> Image.Image:
    """The test card with its number; `step` moves the bar."""
    image = corner_image(width_px, height_px).copy()
    for i, white in enumerate(cells(number)):
        row, column = divmod(i, BITS_PER_ROW + 1)
        xs = [width_px // 4 + width_px * k // (2 * (BITS_PER_ROW + 1)) for k in (column, column + 1)]
        ys = [height_px // 4 + height_px * k // 4 for k in (row, row + 1)]
        image.paste((255, 255, 255) if white else (0, 0, 0), (xs[0], ys[0], xs[1], ys[1]))
    left = width_px // 4 + width_px * (step % BAR_STEPS) // (2 * BAR_STEPS)
    image.paste((255, 255, 255), (left, height_px * 82 // 100, left + width_px // (2 * BAR_STEPS), height_px * 94 // 100))
    return image
