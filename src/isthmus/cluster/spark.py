"""Answers on Spark: a function of Arrow batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.errors import optional

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from isthmus.cluster.answers import Answers


def answer(rows: Any, answers: Answers) -> Any:
    """Answers to the rows of a Spark frame, as a Spark frame.

    isthmus must be installed where Spark's Python workers run.
    """
    types = optional("pyspark.sql.pandas.types", "spark")

    def of_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from answers(batch).to_batches()

    schema = rows.select(*answers.keep).schema
    for field in types.from_arrow_schema(answers.added):
        schema.add(field)
    return rows.mapInArrow(of_batches, schema)
