"""Views of an image that a fully convolutional net is applied to, and the way back from them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import default_collate


@dataclass
class View:
    """A resized image, or the centre of one.

    Attributes:
        pixels: (C, H, W).
        scale: Its pixels for each pixel of the image: across and down.
        offset: The first column and row, in pixels of the resized image.
        image_size: Width and height of the image.
    """

    pixels: Tensor
    scale: tuple[float, float]
    offset: tuple[int, int]
    image_size: tuple[int, int]

    def to_image(self, boxes: Tensor) -> Tensor:
        """Return boxes of the view, (…, 4), in pixels of the image, and within it."""
        moved = boxes + boxes.new_tensor([*self.offset, *self.offset])
        moved = moved / boxes.new_tensor([*self.scale, *self.scale])
        limits = boxes.new_tensor([*self.image_size, *self.image_size])
        return moved.clamp(min=0).minimum(limits)


def view(image: Tensor, short_side: int, crop: int | None) -> View:
    """Resize an image, (C, H, W), to a short side in pixels, and take its centre.

    Args:
        crop: Height and width of the centre; None takes all.
    """
    height, width = image.shape[-2:]
    factor = short_side / min(height, width)
    rows, columns = round(height * factor), round(width * factor)
    pixels = F.interpolate(
        image[None], (rows, columns), mode="bilinear", align_corners=False, antialias=True
    )[0]
    top = left = 0
    if crop is not None:
        top, left = (rows - crop) // 2, (columns - crop) // 2
        pixels = pixels[:, top : top + crop, left : left + crop]
    return View(pixels, (columns / width, rows / height), (left, top), (width, height))


def batches(views: Sequence[View]) -> Iterator[tuple[list[int], Tensor]]:
    """Yield the indices and pixels, (n, C, H, W), of views that have the same size."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for index, one in enumerate(views):
        shapes.setdefault(tuple(one.pixels.shape), []).append(index)
    for indices in shapes.values():
        yield indices, default_collate([views[index].pixels for index in indices])


def without_padding(inputs: Tensor, sizes: Iterable[Sequence[int]]) -> list[Tensor]:
    """Return the images, (C, H, W), of a batch that was padded below and on the right."""
    return [image[:, : size[0], : size[1]] for image, size in zip(inputs, sizes, strict=True)]
