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
