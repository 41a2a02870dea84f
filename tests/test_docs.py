"""What the pages say is so: their code runs, their links lead somewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "docs/decisions/*.md")
    for page in ROOT.glob(pattern)
)
RUN = (
    *(
        "anomaly",
        "codes",
        "compression",
        "counts",
        "how-it-works",
        "images",
        "performance",
        "recommend",
        "scale",
        "search",
        "series",
        "text",
    ),
    *("tables", "tutorial"),
)
NEW = ROOT / "docs" / "adding-a-part.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(
    r"^`([\w/.]+\.py)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL
)


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    "name",
    ["README.md", *(f"docs/{n}.md" for n in RUN)],
)
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "docs/compression.md":
        pytest.importorskip("constriction")
    text = (ROOT / name).read_text(encoding="utf-8")
    namespace = {}
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        above = "\n" * text.count(
            "\n", 0, block.start(1)
        )  # errors name lines of the page
        exec(compile(above + block[1], name, "exec"), namespace)  # noqa: S102 - our page
    assert len(blocks) > 1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    files = [t.partition("#")[0] for t in targets if not re.match(r"\w+:|#", t)]
    assert [f for f in files if not (page.parent / f).exists()] == []


def test_generated_files_are_fresh():
    checked = python(ROOT, "tools/generate.py", "--check")
    assert checked.returncode == 0, checked.stdout


# ------------------------------------------------------------------------ a new part


def python(root, *arguments):
    """Run Python in a source tree, on the package that is in it."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the source tree with the files of the page added, no other changed."""
    root = tmp_path_factory.mktemp("tree")
    caches = shutil.ignore_patterns("__pycache__")
    for folder in ("src", "tools", "docs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=caches)
    (root / "tests").mkdir()
    files = (
        "README.md",
        "pyproject.toml",
        "tests/conftest.py",
        "tests/test_contracts.py",
    )
    for name in files:
        shutil.copy(ROOT / name, root / name)
    for name, text in FILE.findall(NEW.read_text(encoding="utf-8")):
        assert not (root / name).exists()
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_part_is_one_short_file(tree):
    names = [name for name, _ in FILE.findall(NEW.read_text(encoding="utf-8"))]
    assert [name.split("/")[-2] for name in names] == [
        "likelihoods",
        "presets",
        "tests",
    ]
    assert all(len((tree / n).read_text().splitlines()) <= 60 for n in names)
    checked = python(tree, "-m", "ruff", "check", *names)
    assert checked.returncode == 0, checked.stdout
    checked = python(tree, "-m", "ruff", "format", "--check", *names)
    assert checked.returncode == 0, checked.stdout


def test_a_new_part_is_found_saved_and_trained(tree):
    script = """
import json
import isthmus
from isthmus.parts import Likelihood
from sklearn.datasets import load_iris

new = Likelihood.named("student_t")(freedom=3.0)
X = load_iris().data
model = isthmus.robust(size=2, epochs=2, hidden=(4,), verbose=0).fit(X)
isthmus.save(model, "new.isthmus")
again = isthmus.load("new.isthmus")
print(json.dumps({
    "found": "student_t" in Likelihood.kinds() and "robust" in dir(isthmus),
    "data": new.to_dict(),
    "same": Likelihood.from_dict(json.loads(json.dumps(new.to_dict()))) == new,
    "kept": bool((again.score_samples(X) == model.score_samples(X)).all()),
}))
"""
    answer = python(tree, "-c", script)
    assert answer.returncode == 0, answer.stderr
    got = json.loads(answer.stdout)
    assert got["found"]
    assert got["same"]
    assert got["kept"]
    assert got["data"] == {"kind": "student_t", "freedom": 3.0, "scale": 0.5}


def test_a_new_part_appears_in_the_generated_files(tree):
    written = python(tree, "tools/generate.py")
    assert written.returncode == 0, written.stdout + written.stderr
    assert "docs/catalogue.md written" in written.stdout
    catalogue = (tree / "docs/catalogue.md").read_text(encoding="utf-8")
    assert "### StudentT" in catalogue
    assert "| `freedom` | `4.0` | `float > 0` |" in catalogue
    assert "| `robust` |" in (tree / "README.md").read_text(encoding="utf-8")
    stubs = (tree / "src/isthmus/__init__.pyi").read_text(encoding="utf-8")
    assert "from isthmus.presets.robust import robust" in stubs


def test_the_contracts_cover_a_new_part_by_themselves(tree):
    known = "StudentT or test_student_t or holds_the_one_kind or any_combination"
    tested = python(
        tree, "-m", "pytest", "tests", "-k", known, "-rA", "-p", "no:cacheprovider"
    )
    assert tested.returncode == 0, tested.stdout
    passed = re.findall(r"^PASSED .*::(\w+)\[.*StudentT", tested.stdout, re.MULTILINE)
    assert len(set(passed)) >= 10
