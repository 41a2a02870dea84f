"""How images become entries, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from isthmus.data.exact import Moments
from isthmus.data.forms import Images
from isthmus.data.pictures import Holder, Pictures, close_pictures
from isthmus.data.windows import Windows, channels_first
from isthmus.errors import DataError, RecipeError
from isthmus.layout import Content, Layout
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WHOLE = 96
"""Pixels along an axis up to which images of one size are seen whole."""

PATCH = 64
"""Pixels along an axis of a patch, where nothing is said of it."""

FEW = 256
"""Images that are looked at at a time."""

CONTENTS = {"real", "unit", "binary", "count"}
"""What a pixel can be."""


class Pixels:
    """Images (height, width, channels) as entries (channels, height, width), and back.

    An entry is (pixel - ``center``) / ``scale``, one of each per channel. ``size`` is
    that of all images where they are seen ``whole``, else that of a patch.
    """

    form: ClassVar[str] = "images"
    found: ClassVar[tuple[Any, ...]] = ()
    aside: ClassVar[list[str]] = []

    def __init__(
        self,
        size: tuple[int, int],
        center: Sequence[float],
        scale: Sequence[float],
        *,
        whole: bool,
        dtype: str,
        content: Content,
        holder: Holder,
        missing: bool,
    ) -> None:
        self.size, self.whole = size, whole
        self.center, self.scale = tuple(center), tuple(scale)
        self.dtype, self.content, self.holder = np.dtype(dtype), content, holder
        self.missing = missing

    @property
    def width(self) -> int:
        """Entries of an example."""
        return self.layout().event.numel()

    @property
    def names(self) -> tuple[str, ...]:
        """One name per channel: to scikit-learn, these are the features."""
        return tuple(f"channel{k}" for k in range(len(self.center)))

    def layout(self) -> Layout:
        """One field of channels, height and width."""
        return Layout.of(len(self.center), *self.size, content=self.content)

    def encode(self, rows: Pictures) -> Batch | Windows:
        """Images as float32 entries, whole or in patches; NaN is an invisible zero."""
        self._refuse(rows)
        if self.whole:
            x, seen = self._entries(np.asarray(rows.images))
            return Batch(
                channels_first(x), None if seen is None else channels_first(seen)
            )
        pairs = [self._flat(image) for image in rows.images]
        x = torch.cat([x for x, _ in pairs])
        seen = None
        if any(s is not None for _, s in pairs):
            seen = torch.cat([torch.ones_like(x) if s is None else s for x, s in pairs])
        extents = tuple(map(self._extent, rows.sizes))
        stride = self.size[0] // 2 or 1, self.size[1] // 2 or 1
        return Windows(x, seen, extents, self.size, stride)

    def images(self, entries: NDArray[np.float32]) -> NDArray[Any]:
        """Pixels (..., channels) that entries (..., channels) stand for."""
        values: NDArray[Any] = entries * np.array(self.scale) + np.array(self.center)
        if self.dtype.kind == "b":
            return np.asarray(values >= 0.5)
        if self.dtype.kind in "ui":
            limits = np.iinfo(self.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return np.asarray(values, self.dtype)

    def back(self, entries: NDArray[np.float32], rows: Pictures | None = None) -> Any:
        """Images that entries (n, channels, height, width) stand for.

        They come in the container of ``rows``, or of fitting. Of images that are seen
        in patches, entries are rows of one pixel each.
        """
        if rows is None:
            return close_pictures(self.images(np.moveaxis(entries, 1, -1)), self.holder)
        pixels = self.by_image(entries, rows)
        return close_pictures([self.images(p) for p in pixels], rows.holder)

    def by_image(self, entries: NDArray[Any], rows: Pictures) -> list[NDArray[Any]]:
        """What belongs to pixels, (height, width, channels) of each image."""
        if self.whole:
            return list(np.moveaxis(entries, 1, -1))
        extents = [self._extent(size) for size in rows.sizes]
        stops = np.cumsum([h * w for h, w in extents])
        parts = zip(np.split(entries, stops[:-1]), extents, rows.sizes, strict=True)
        return [part.reshape(*e, -1)[: s[0], : s[1]] for part, e, s in parts]

    def by_row(self, values: NDArray[Any], rows: Pictures) -> NDArray[Any]:
        """One value per image, of one per image or, summed, of one per pixel."""
        if self.whole:
            return values
        return np.array([part.sum() for part in self.by_image(values[:, None], rows)])

    def _entries(
        self, pixels: NDArray[Any]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Entries (..., channels), and which of them are no NaN, if any is."""
        values = pixels.astype(np.float32)
        values -= np.array(self.center, np.float32)
        values /= np.array(self.scale, np.float32)
        x = torch.from_numpy(values)
        if pixels.dtype.kind != "f" or not (gone := x.isnan()).any():
            return x, None
        return x.nan_to_num_(0.0), 1.0 - gone.float()

    def _flat(self, image: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """A row of entries per pixel; an image below a patch in size is filled up."""
        x, seen = self._entries(image)
        height, width = self._extent(image.shape)
        if (height, width) != image.shape[:2]:
            whole = torch.zeros(height, width, x.shape[2])
            shown = torch.zeros_like(whole)
            here = slice(image.shape[0]), slice(image.shape[1])
            whole[here], shown[here] = x, 1.0 if seen is None else seen
            x, seen = whole, shown
        return x.flatten(0, 1), None if seen is None else seen.flatten(0, 1)

    def _extent(self, size: Sequence[int]) -> tuple[int, int]:
        return max(size[0], self.size[0]), max(size[1], self.size[1])

    def _refuse(self, rows: Pictures) -> None:
        """Refuse images that are not like those of fitting."""
        if rows.channels != len(self.center):
            raise DataError(
                f"The images of fitting have {len(self.center)} channels. Got "
                f"{rows.channels}."
            )
        if self.whole and (odd := set(rows.sizes) - {self.size}):
            (height, width), (h, w) = self.size, min(odd)
            raise DataError(
                f"The images of fitting have {height} x {width} pixels. Got {h} x {w}: "
                f"crop or resize them, or fit with kind=Images(patch=...)."
            )
        rows.refuse_infinite()
        first = rows.images[0].dtype
        if first.kind != self.dtype.kind:
            raise DataError(
                f"The images of fitting hold {self.dtype}. Got {first}: convert them, "
                f"so that equal numbers mean equal brightness."
            )
        if self.content in {"unit", "binary"}:
            for image in rows.images:
                _refuse_beyond(image, self.scale[0])

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        return {
            "form": self.form,
            "size": list(self.size),
            "center": [c.hex() for c in self.center],
            "scale": [s.hex() for s in self.scale],
            "whole": self.whole,
            "dtype": self.dtype.name,
            "content": self.content,
            "holder": list(self.holder),
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote."""
        height, width = data["size"]
        return cls(
            (int(height), int(width)),
            [float.fromhex(c) for c in data["center"]],
            [float.fromhex(s) for s in data["scale"]],
            whole=bool(data["whole"]),
            dtype=data["dtype"],
            content=data["content"],
            holder=Holder(*data["holder"]),
            missing=bool(data["missing"]),
        )


class PixelLearner:
    """Learns brightness and sizes of images: `update` in any order, then `finish`."""

    def __init__(
        self, rows: Pictures, content: Content | None = None, wish: Images | None = None
    ) -> None:
        if content not in {*CONTENTS, None}:
            raise RecipeError(
                f"Pixels are numbers, and the likelihood wants a {content!r}. Use "
                f"likelihood='mse' or 'bce'."
            )
        self.content, self.wish = content, wish or Images()
        self.holder, self.dtype = rows.holder, rows.images[0].dtype
        self.moments = Moments(rows.channels)
        self.sizes: set[tuple[int, int]] = set()
        self.missing = False

    def update(self, rows: Pictures) -> Self:
        """Learn from some images."""
        rows.refuse_infinite()
        for start in range(0, rows.height, FEW):
            some = rows.images[start : start + FEW]
            values = np.concatenate([i.reshape(-1, i.shape[-1]) for i in some])
            self.moments.update(values.astype(np.float64))
            self.missing |= bool(np.isnan(values).any())
        self.sizes |= set(rows.sizes)
        return self

    def merge(self, other: Self) -> Self:
        """Learn what another learner has learned from other images."""
        self.moments.merge(other.moments)
        self.sizes |= other.sizes
        self.missing |= other.missing
        return self

    def finish(self) -> Pixels:
        """Settle how pixels become entries, and whether images are seen whole."""
        if not min(self.moments.count):
            raise DataError("All pixels of a channel are missing in every image.")
        whole, size = self._size()
        channels = list(range(len(self.moments.count)))
        content: Content = self.content or (
            "binary" if self.dtype.kind == "b" else "real"
        )
        center, scale = [0.0] * len(channels), [1.0] * len(channels)
        if content in {"unit", "binary"} and self.dtype.kind in "ui":
            scale = [float(np.iinfo(self.dtype).max)] * len(channels)
        if content == "real":
            center = self.moments.mean(channels).tolist()
            scale = [s or 1.0 for s in self.moments.deviation(channels).tolist()]
        padded = not whole and any(min(s) < size[0] for s in self.sizes)
        return Pixels(
            size,
            center,
            scale,
            whole=whole,
            dtype=self.dtype.name,
            content=content,
            holder=self.holder,
            missing=padded or self.missing,
        )

    def _size(self) -> tuple[bool, tuple[int, int]]:
        """Whether images are seen whole; and their size, or that of a patch."""
        patch = self.wish.patch
        if patch is None and len(self.sizes) == 1:
            (size,) = self.sizes
            if max(size) <= WHOLE:
                return True, size
        return False, (patch or PATCH,) * 2


def _refuse_beyond(image: NDArray[Any], largest: float) -> None:
    low, high = np.nanmin(image), np.nanmax(image)
    if low < 0 or high > largest:
        raise DataError(
            f"The likelihood wants pixels from 0 to {largest:g}. Got {low:g} to "
            f"{high:g}: scale them, or use likelihood='mse'."
        )
