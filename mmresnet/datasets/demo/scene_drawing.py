"""A scene: handwritten digits, drawn in many sizes and colours among blobs, lines and fragments.

Every pixel comes from elementwise sums, products and square roots, and is rounded once. Nothing
depends on a drawing library, nor on how a machine computes a sine or a product of matrices; and
NumPy guarantees that RandomState's numbers never change. So a scene is the same everywhere.
"""

import math

import numpy as np

Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels; the right and lower edge are exclusive."""

WIDTH, HEIGHT = 160, 128
DIGITS_A_SCENE = (2, 8)  # attempted; a digit that finds no room is left out
DIGIT_HEIGHT = (16, 48)  # of the whole 8×8 image, of which the ink fills most
MAX_OVERLAP = 0.15  # of two boxes: intersection over the area of the smaller one
VISIBLE_INK = 0.3  # a box encloses the pixels with at least this opacity


def draw_scene(
    digits: list[tuple[np.ndarray, int]], random: np.random.RandomState
) -> tuple[np.ndarray, list[Box], list[int]]:
    """Draw a scene with some of ``digits``, given as (ink of (8, 8) in [0, 1], label).

    Returns:
        The picture, (128, 160, 3) uint8 in RGB; the boxes around the ink of its digits; and their
        labels.
    """
    canvas = _background(random)
    for _ in range(random.randint(1, 4)):
        _blend(canvas, _blob(random), _colour(random, 30, 150))
    for _ in range(random.randint(0, 4)):
        _blend(canvas, _line(random), _colour(random, 60, 200))
    for _ in range(random.randint(0, 4)):
        _draw_fragment(canvas, digits, random)
    boxes: list[Box] = []
    labels: list[int] = []
    for _ in range(random.randint(DIGITS_A_SCENE[0], DIGITS_A_SCENE[1] + 1)):
        ink, label = digits[random.randint(len(digits))]
        placed = _find_room(_enlarge(ink, *_digit_size(random)), boxes, random)
        if placed is not None:
            mask, box = placed
            _blend(canvas, mask, _colour(random, 130, 256))
            boxes.append(box)
            labels.append(label)
    if random.randint(2):  # a thin line across everything
        _blend(canvas, 0.7 * _line(random, thickest=1.5), _colour(random, 60, 200))
    canvas += random.randint(-14, 15, (HEIGHT, WIDTH, 1))  # grain
    return canvas.round().clip(0, 255).astype(np.uint8), boxes, labels


def _background(random: np.random.RandomState) -> np.ndarray:
    """Return (128, 160, 3): a dark gradient from left to right."""
    left, right = _colour(random, 0, 80), _colour(random, 0, 80)
    position = np.linspace(0.0, 1.0, WIDTH)[None, :, None]
    return np.repeat(left * (1.0 - position) + right * position, HEIGHT, axis=0)


def _colour(random: np.random.RandomState, low: int, high: int) -> np.ndarray:
    return random.randint(low, high, 3).astype(float)


def _blend(canvas: np.ndarray, opacity: np.ndarray, colour: np.ndarray) -> None:
    canvas += opacity[..., None] * (colour - canvas)


def _pixel_centres() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(WIDTH)[None, :] + 0.5, np.arange(HEIGHT)[:, None] + 0.5


def _blob(random: np.random.RandomState) -> np.ndarray:
    """Return the opacity, (128, 160), of an ellipse that fades towards its edge."""
    x, y = _pixel_centres()
    u = (x - random.uniform(0, WIDTH)) / random.uniform(8, 36)
    v = (y - random.uniform(0, HEIGHT)) / random.uniform(8, 36)
    return random.uniform(0.3, 0.8) * np.maximum(0.0, 1.0 - (u * u + v * v))


def _line(random: np.random.RandomState, thickest: float = 3.0) -> np.ndarray:
    """Return the opacity, (128, 160), of a straight line with smooth edges."""
    x, y = _pixel_centres()
    start, end = random.uniform(0, (WIDTH, HEIGHT), (2, 2))
    right, down = end - start
    length = max(math.sqrt(right * right + down * down), 1.0)
    u, v = (x - start[0]), (y - start[1])
    distance = abs(u * down - v * right) / length
    position = (u * right + v * down) / length
    beyond = np.maximum(0.0, np.maximum(-position, position - length))
    return np.clip(random.uniform(1.0, thickest) / 2 + 0.5 - distance - beyond, 0.0, 1.0)


def _digit_size(random: np.random.RandomState) -> tuple[int, int]:
    """Return (height, width) of an 8×8 digit in a scene, in pixels."""
    height = random.randint(DIGIT_HEIGHT[0], DIGIT_HEIGHT[1] + 1)
    return height, round(height * random.uniform(0.85, 1.15))


def _enlarge(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolate linearly between pixel centres, and towards zero around the image.

    Returns ``(height + 2a, width + 2b)``: the fading edges are a and b pixels wide.
    """
    for axis, size in ((0, height), (1, width)):
        count = ink.shape[axis]
        edge = -(-size // (2 * count))  # half of one of the pixels, rounded up
        ink = np.pad(ink, [(1, 1) if a == axis else (0, 0) for a in (0, 1)])
        last = count + 1
        position = (np.arange(-edge, size + edge) + 0.5) * (count / size) + 0.5
        position = np.clip(position, 0.0, last)
        lower = np.minimum(position.astype(int), last - 1)
        weight = np.expand_dims(position - lower, 1 - axis)
        ink = (1.0 - weight) * ink.take(lower, axis) + weight * ink.take(lower + 1, axis)
    return ink


def _draw_fragment(
    canvas: np.ndarray,
    digits: list[tuple[np.ndarray, int]],
    random: np.random.RandomState,
) -> None:
    """Draw 2 or 3 of the 8 rows and columns of a digit: strokes, but neither loops nor digits."""
    ink, _ = digits[random.randint(len(digits))]
    rows, columns = random.randint(2, 4, 2)
    top, left = random.randint(0, 9 - rows), random.randint(0, 9 - columns)
    height, width = _digit_size(random)
    part = _enlarge(
        ink[top : top + rows, left : left + columns], height * rows // 8, width * columns // 8
    )
    _blend(canvas, _put(part, random), _colour(random, 130, 256))


def _put(ink: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Return (128, 160) with ``ink`` at a random position."""
    height, width = ink.shape
    top, left = random.randint(0, HEIGHT + 1 - height), random.randint(0, WIDTH + 1 - width)
    mask = np.zeros((HEIGHT, WIDTH))
    mask[top : top + height, left : left + width] = ink
    return mask


def _find_room(
    ink: np.ndarray, taken: list[Box], random: np.random.RandomState, attempts: int = 30
) -> tuple[np.ndarray, Box] | None:
    """Put ``ink`` where its box overlaps none of ``taken`` by more than :data:`MAX_OVERLAP`."""
    for _ in range(attempts):
        mask = _put(ink, random)
        rows, columns = np.nonzero(mask >= VISIBLE_INK)
        box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
        if all(_overlap(box, other) <= MAX_OVERLAP for other in taken):
            return mask, box
    return None


def _overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes over the area of the smaller one.

    Not the IoU, by which a small box inside a large one would overlap little.
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b))
    return max(0, width) * max(0, height) / smaller
