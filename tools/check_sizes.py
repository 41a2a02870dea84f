"""Refuses files and functions under src that are too long to read in one sitting."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 50
ROOT = Path(__file__).resolve().parent.parent


def too_long(path: Path) -> Iterator[str]:
    """One sentence for each thing in the file that is over its limit."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield f"{name}: {lines} lines; a file has at most {FILE_LINES}."
    for node in ast.walk(ast.parse(text, filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                where = f"{name}:{node.lineno}: {node.name}: {lines} lines"
                yield f"{where}; a function has at most {FUNCTION_LINES}."


def main() -> int:
    """0 if all is short enough, 1 with a list if not."""
    files = sorted((ROOT / "src").rglob("*.py"))
    found = [line for path in files for line in too_long(path)]
    print("\n".join(found) if found else "All files and functions are short enough.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
