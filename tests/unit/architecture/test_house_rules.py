"""What keeps the code readable stays true: rooms, sizes, names, nothing unfinished, nothing that a clone does not hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.unit.architecture.places import APP, CHECKOUT, python_files, relative, text_files, tree_of

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
VAGUE_NAMES = re.compile(r"^(utils?|helpers?|common|managers?|misc)$")
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b|raise NotImplemented[E]rror")
ELSEWHERE = {
    "a folder outside of the clone": re.compile(r"\.\./share[d]|(?<![\w.~])/wor[k]/"),
    "the host of a package registry": re.compile(r"py[p]i\.org|pythonho[s]ted\.org|npmj[s]\.|deb\.debia[n]\.org"),
    "a ticket by its number": re.compile(r"\b[Ii]ssue[s]? #?\d|\(#\d+\)"),
}


def test_rooms_stand_on_one_another_in_one_direction() -> None:
    """The contracts of pyproject.toml, as import-linter reads them."""
    program = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run(
        [str(program), "--no-cache"], cwd=CHECKOUT, env={"PYTHONPATH": "app"}, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-2000:]


def test_no_function_is_longer_than_a_screen() -> None:
    """Migrations excepted: a table is as long as its columns, and a released one is never edited."""
    long = {
        f"{relative(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in python_files(APP)
        if "migrations" not in path.parts
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_no_file_has_grown_past_one_noun() -> None:
    assert {relative(path): lines for path in python_files(APP) if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX} == {}


def test_no_module_or_class_has_a_name_that_says_nothing() -> None:
    modules = [relative(path) for path in python_files(APP) if VAGUE_NAMES.match(path.stem) or VAGUE_NAMES.match(path.parent.name)]
    classes = [
        f"{relative(path)} {node.name}"
        for path in python_files(APP)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Utils?)$", node.name)
    ]
    assert modules + classes == []


def test_nothing_is_left_unfinished() -> None:
    assert [f"{relative(path)}: {match[0]}" for path in text_files() if (match := UNFINISHED.search(path.read_text()))] == []


def test_a_clone_stands_alone() -> None:
    found = [
        f"{relative(path)} names {what}" for path in text_files() for what, pattern in ELSEWHERE.items() if pattern.search(path.read_text())
    ]
    assert found == []


def test_the_top_level_holds_only_what_is_agreed() -> None:
    agreed = {"app", "data", "docs", "styles", "tests", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "requirements.lock"}
    built = {"dist", "build"}
    present = {path.name for path in CHECKOUT.iterdir() if not path.name.startswith((".", "__"))} - built
    assert present - agreed == set()
