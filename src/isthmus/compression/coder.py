"""Whole numbers as bits: a range coder, from the library constriction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.compression.exact import FINE, TABLE, probabilities
from isthmus.errors import optional

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

DIGIT = 20
"""Bits of a place that are coded at once; the library takes fewer than 24."""

SLOPES = 255
"""Largest slope of the price of a parameter, in steps of 1 / FINE per unit."""


def library() -> Any:
    """The package constriction."""
    return optional("constriction", "compression")


class Writer:
    """Codes symbols, one array after another."""

    def __init__(self) -> None:
        self.stream = library().stream
        self.coder = self.stream.queue.RangeEncoder()

    def symbols(self, values: Whole, weights: NDArray[np.float64]) -> Whole:
        """Symbols (n,) with probabilities proportional to weights (n, L), or (L,)."""
        if weights.shape[-1] > 1 and len(values):
            model = self.stream.model.Categorical
            symbols = values.astype(np.int32)
            if weights.ndim == 1:
                self.coder.encode(symbols, model(weights, perfect=False))
            else:
                self.coder.encode(symbols, model(perfect=False), weights)
        return values

    def uniform(self, values: Whole, sizes: Whole) -> Whole:
        """Numbers (n,), each from 0 to its size - 1, all as likely."""
        kept, rest = values, sizes
        while (open_ := rest > 1).any():
            values, rest = values[open_], rest[open_]
            size = np.minimum(rest, 1 << DIGIT)
            digit = (values % size).astype(np.int32)
            model = self.stream.model.Uniform()
            self.coder.encode(digit, model, size.astype(np.int32))
            values, rest = values // size, -(-rest // size)
        return kept

    def parameters(self, values: Whole) -> Whole:
        """Whole numbers of any kind of which most are small."""
        most = int(abs(values).max(initial=0))
        prices = [_price(values, slope) for slope in range(1, SLOPES + 1)]
        slope = 1 + int(np.argmin(prices))
        self.uniform(np.array([most, slope]), np.array([2**53, SLOPES + 1]))
        small = np.minimum(abs(values), _REACH)
        self.symbols(small, _falling(slope, most))
        large = small == _REACH
        if most >= _REACH:
            rest = abs(values[large]) - _REACH
            self.uniform(rest, np.full(len(rest), most - _REACH + 1))
        signed = values[values != 0]
        self.uniform((signed < 0).astype(np.int64), np.full(len(signed), 2))
        return values

    def done(self) -> bytes:
        """All that was coded."""
        words: NDArray[np.uint32] = self.coder.get_compressed()
        return words.astype("<u4").tobytes()


class Reader:
    """Reads what a `Writer` wrote, by the same calls with other values: their count."""

    def __init__(self, data: bytes) -> None:
        self.stream = library().stream
        words = np.frombuffer(data, dtype="<u4").astype(np.uint32)
        self.coder = self.stream.queue.RangeDecoder(words)

    def symbols(self, values: Whole, weights: NDArray[np.float64]) -> Whole:
        """As many symbols as there are ``values``, which do not matter."""
        count = len(values)
        if weights.shape[-1] <= 1 or not count:
            return np.zeros(count, dtype=np.int64)
        model = self.stream.model.Categorical
        if weights.ndim == 1:
            found = self.coder.decode(model(weights, perfect=False), count)
        else:
            found = self.coder.decode(model(perfect=False), weights)
        return np.asarray(found, dtype=np.int64)

    def uniform(self, values: Whole, sizes: Whole) -> Whole:
        """Numbers (n,), each from 0 to its size - 1."""
        found = np.zeros(len(sizes), dtype=np.int64)
        places, scale, rest = np.arange(len(sizes)), np.ones_like(sizes), sizes
        while (open_ := rest > 1).any():
            places, scale, rest = places[open_], scale[open_], rest[open_]
            size = np.minimum(rest, 1 << DIGIT)
            model = self.stream.model.Uniform()
            digit = self.coder.decode(model, size.astype(np.int32))
            found[places] += np.asarray(digit, dtype=np.int64) * scale
            scale, rest = scale * size, -(-rest // size)
        return found

    def parameters(self, values: Whole) -> Whole:
        """As many whole numbers as there are ``values``."""
        two = np.zeros(2, dtype=np.int64)
        most, slope = map(int, self.uniform(two, np.array([2**53, SLOPES + 1])))
        found = self.symbols(values, _falling(slope, most))
        large = found == _REACH
        if most >= _REACH:
            rest = np.full(int(large.sum()), most - _REACH + 1)
            found[large] += self.uniform(rest, rest)
        signed = found != 0
        minus = self.uniform(found[signed], np.full(int(signed.sum()), 2))
        found[signed] *= 1 - 2 * minus
        return found


_REACH = 1000
"""Parameters up to here have a symbol each."""


def _falling(slope: int, most: int) -> NDArray[np.float64]:
    """Weights exp(-slope k / FINE) of k = 0, 1, ..."""
    return probabilities(-slope * np.arange(min(most, _REACH) + 1.0))


def _price(values: Whole, slope: int) -> float:
    """Nats of parameters at a slope."""
    size = np.minimum(abs(values), _REACH)
    weights = np.maximum(_falling(slope, int(size.max(initial=0))), 2.0**-24)
    return float(-np.log(weights[size] / weights.sum()).sum())


assert len(TABLE) > FINE
