"""A gigabyte of Parquet is trained on and scored in little memory."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

ROWS, COLUMNS, GROUP = 2_500_000, 50, 100_000
MOST = 300 * 2**20

SCRIPT = """
import json, re, sys
import numpy as np
import isthmus

def peak():  # bytes, since the process began
    status = open("/proc/self/status").read()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])

small = np.random.default_rng(0).normal(size=(300, 5))
isthmus.Autoencoder(size=2, epochs=1, verbose=0).fit(small).score_samples(small)
idle, source = peak(), isthmus.stream(sys.argv[1])
model = isthmus.Autoencoder(size=8, epochs=1, verbose=0).fit(source)
trained = peak()
rows = sum(len(model.score_samples(piece)) for piece in source)
print(json.dumps({"idle": idle, "trained": trained, "scored": peak(), "rows": rows}))
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_gigabyte_takes_little_memory(tmp_path):
    draw, writer = np.random.default_rng(0), None
    mixing = draw.normal(size=(6, COLUMNS))
    for _ in range(ROWS // GROUP):
        x = draw.normal(size=(GROUP, 6)) @ mixing
        x += 0.3 * draw.normal(size=x.shape)
        table = pa.table({f"c{j}": x[:, j] for j in range(COLUMNS)})
        writer = writer or parquet.ParquetWriter(tmp_path / "x.parquet", table.schema)
        writer.write_table(table)
    writer.close()
    assert (tmp_path / "x.parquet").stat().st_size > 2**30
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "x.parquet")]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    assert figures["rows"] == ROWS
    assert figures["trained"] - figures["idle"] < MOST
    assert figures["scored"] - figures["idle"] < MOST


COUNTS = """
import json, re
import numpy as np
from scipy import sparse
import isthmus

def peak():  # bytes, since the process began
    status = open("/proc/self/status").read()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])

def counts(rows, columns, stored):
    places = np.random.default_rng(0).integers(columns, size=(rows, stored))
    starts, ones = np.arange(0, rows * stored + 1, stored), np.ones(rows * stored, int)
    matrix = sparse.csr_array((ones, places.ravel(), starts), (rows, columns))
    matrix.sum_duplicates()
    return matrix

short = isthmus.Training(epochs=1, seconds=3)
model = isthmus.Autoencoder(kind="counts", size=2, training=short, verbose=0)
model.fit(counts(300, 50, 5))
X = counts(60_000, 5000, 20)
idle = peak()
model.fit(X)
trained = peak()
codes, scores = model.transform(X), model.score_samples(X[:20_000])
told = {"idle": idle, "trained": trained, "answered": peak(), "rows": len(codes)}
print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sparse_counts_stay_sparse():
    words = [sys.executable, "-c", COUNTS]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    assert figures["rows"] == 60_000  # dense they take 1,144 MiB
    assert figures["trained"] - figures["idle"] < 600 * 2**20
    assert figures["answered"] - figures["idle"] < 600 * 2**20
