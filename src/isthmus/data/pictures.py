"""Images in memory, taken out of their container, and back into the same."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.errors import DataError, optional

FEW = {1, 3, 4}
"""Numbers of channels by which the axis of channels is known."""

Images = NDArray[Any] | list[NDArray[Any]]


class Holder(NamedTuple):
    """What images came in, so that answers can go back in the same."""

    listed: bool = False
    """A list of arrays, or one array."""
    grey: bool = True
    """(height, width), without an axis of channels."""
    first: bool = False
    """(channels, height, width), as torch has them."""
    of: Literal["array", "tensor", "pillow"] = "array"
    """What holds the pixels of one image, or of all."""


class Pictures(NamedTuple):
    """Images as arrays (height, width, channels) of one data type."""

    images: Images
    """An array of all, or a list, where sizes may differ."""
    holder: Holder = Holder()

    @property
    def height(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of each."""
        return [image.shape[:2] for image in self.images]

    @property
    def channels(self) -> int:
        """Numbers of a pixel."""
        return int(self.images[0].shape[2])

    def refuse_infinite(self) -> None:
        """Refuse a pixel that is infinite."""
        for k, image in enumerate(self.images):
            if image.dtype.kind == "f" and np.isinf(image).any():
                row, column = np.argwhere(np.isinf(image))[0][:2]
                raise DataError(
                    f"Image {k}, counted from 0: the pixel in row {row}, column "
                    f"{column} is infinite. Mend it, or make it NaN if it is missing."
                )

    def take(self, picked: NDArray[np.int64]) -> Pictures:
        """The images at these places, in their order."""
        if isinstance(self.images, np.ndarray):
            return self._replace(images=self.images[picked])
        return self._replace(images=[self.images[i] for i in picked])


def are_pictures(X: Any) -> bool:
    """Whether ``X`` can be nothing but images: arrays of three or four axes."""
    if isinstance(X, np.ndarray | torch.Tensor):
        return X.ndim in {3, 4}
    if not isinstance(X, list | tuple) or not len(X):
        return False
    return all(_is_picture(image) for image in X)


def open_pictures(X: Any, least: int = 1) -> Pictures:
    """Take images out of an array or a list.

    (n, height, width), (n, height, width, channels), of torch (n, channels, height,
    width), or a list of such without n, of arrays or of Pillow's images.
    """
    listed = isinstance(X, list | tuple)
    arrays = [_array(x) for x in X] if listed else [_array(X)]
    if len(kinds := {a.dtype.name for a in arrays}) > 1:
        raise DataError(f"Images of several data types: {', '.join(sorted(kinds))}.")
    if listed and len({a.shape for a in arrays}) == 1:
        arrays = [np.stack(arrays)]
        stacked = True
    else:
        stacked = not listed
    axes = {a.ndim - stacked for a in arrays}
    if len(axes) > 1 or not axes <= {2, 3}:
        raise DataError(
            f"Images must be (height, width) or (height, width, channels), all alike. "
            f"Got arrays of {' and '.join(map(str, sorted(axes)))} axes."
        )
    count = len(arrays[0]) if stacked else len(arrays)
    if count < least:
        raise DataError(f"{least} images or more are needed. Got {count}.")
    if arrays[0].dtype.kind not in "buif":
        raise DataError(f"Images must hold numbers. Got {arrays[0].dtype}.")
    grey = axes == {2}
    first = not grey and _channels_first(X, [a.shape[-3:] for a in arrays])
    made = [_channels_last(a, grey=grey, first=first) for a in arrays]
    if len(found := {a.shape[-1] for a in made}) > 1:
        told = ", ".join(map(str, sorted(found)))
        raise DataError(f"Images must have equally many channels. Got {told}.")
    if min(min(a.shape) for a in made) == 0:
        raise DataError("An image has no pixels.")
    holder = Holder(listed, grey, first, _kind_of(X[0] if listed else X))
    return Pictures(made[0] if stacked else made, holder)


def close_pictures(images: Images, holder: Holder) -> Any:
    """Images (height, width, channels) in a container again."""
    if holder.grey:
        images = [image[..., 0] for image in images]
    elif holder.first:
        images = [np.moveaxis(image, -1, 0) for image in images]
    found = list(images) if holder.listed else [np.stack(list(images))]
    if holder.of == "tensor":
        found = [torch.from_numpy(np.ascontiguousarray(x)) for x in found]
    elif holder.of == "pillow":
        pillow = optional("PIL.Image", "images")
        found = [pillow.fromarray(np.ascontiguousarray(x)) for x in found]
    return found if holder.listed else found[0]


def _is_picture(image: Any) -> bool:
    if isinstance(image, np.ndarray | torch.Tensor):
        return image.ndim in {2, 3}
    return hasattr(image, "getbands")


def _kind_of(image: Any) -> Literal["array", "tensor", "pillow"]:
    if isinstance(image, torch.Tensor):
        return "tensor"
    return "pillow" if hasattr(image, "getbands") else "array"


def _array(image: Any) -> NDArray[Any]:
    if isinstance(image, torch.Tensor):
        return np.asarray(image.detach().cpu())
    if getattr(image, "mode", None) in {"P", "PA"}:  # whose numbers are no brightness
        clear = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if clear else "RGB")
    return np.asarray(image)


def _channels_first(X: Any, shapes: list[tuple[int, ...]]) -> bool:
    """Whether channels stand before height and width, as torch has them."""
    front, back = (all(shape[k] in FEW for shape in shapes) for k in (0, 2))
    torch_made = isinstance(X[0], torch.Tensor)
    return front and (torch_made or not back)


def _channels_last(array: NDArray[Any], *, grey: bool, first: bool) -> NDArray[Any]:
    if grey:
        return array[..., None]
    return np.moveaxis(array, -3, -1) if first else array
