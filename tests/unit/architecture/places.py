"""Where these tests look: the checkout's own files, and the Python modules in them."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
APP = CHECKOUT / "app" / "strongroom"
TESTS = CHECKOUT / "tests"
DOCS = CHECKOUT / "docs"
_TOP = ("app", "data", "docs", "styles", "tests", ".ci")
_TOP_FILES = ("*.md", "*.toml", "*.lock", ".pre-commit-config.yaml", ".gitignore")
_BINARY = {".zst", ".db", ".qcow2", ".raw", ".png", ".pyc"}


def text_files() -> Iterator[Path]:
    """Every text file that belongs to the project."""
    for pattern in _TOP_FILES:
        yield from CHECKOUT.glob(pattern)
    for top in _TOP:
        for path in sorted((CHECKOUT / top).rglob("*")):
            if path.is_file() and path.suffix not in _BINARY and not _made_by_tools(path) and _is_text(path):
                yield path


def python_files(top: Path) -> list[Path]:
    return [path for path in sorted(top.rglob("*.py")) if not _made_by_tools(path)]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def relative(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def _made_by_tools(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith((".venv", ".hypothesis")) or part.endswith("_cache") for part in path.parts)


def _is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:4096]
