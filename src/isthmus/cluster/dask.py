"""Answers on Dask: a function of each partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from isthmus.errors import optional

if TYPE_CHECKING:
    from isthmus.cluster.answers import Answers


def answer(rows: Any, answers: Answers) -> Any:
    """Answers to the rows of a Dask frame, as a Dask frame of the same index.

    Let each worker have one thread (``dask worker --nthreads 1``).
    """
    optional("dask.dataframe", "dask")

    def of_part(part: Any) -> Any:
        table = pa.Table.from_pandas(part, preserve_index=False)
        return answers(table).to_pandas().set_index(part.index)

    of_none = of_part(rows._meta)  # noqa: SLF001 - Dask's word for a frame without rows
    return rows.map_partitions(of_part, meta=of_none)
