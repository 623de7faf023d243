"""Documents and code say the same: features that tests cite, errors that operators look up (A19), licences, versions."""

import ast
import re
import tomllib

import pytest

import strongroom
from tests.unit.architecture.places import APP, CHECKOUT, DOCS, TESTS, python_files, relative, tree_of

FEATURE = re.compile(r"(?<![\w-])[ABC]\d{1,2}(?![\w-])")


def feature_rows() -> dict[str, str]:
    """Each feature's id with its promise, from the tables of features.md."""
    text = (DOCS / "design" / "features.md").read_text()
    return dict(re.findall(r"^\| ([ABC]\d{1,2}) \| (.+?) \|", text, re.MULTILINE))


def cited_features() -> dict[str, set[str]]:
    """Each id that a test's docstring or name cites, with the files that cite it."""
    cited: dict[str, set[str]] = {}
    for path in python_files(TESTS):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = FEATURE.findall(ast.get_docstring(node) or "")
                words += [word.upper() for word in re.findall(r"(?<=_)[abc]\d{1,2}(?=_|$)", getattr(node, "name", ""))]
                for word in words:
                    cited.setdefault(word, set()).add(relative(path))
    return cited


def error_classes() -> dict[str, str]:
    """Every subclass of StrongroomError by name, with its file; found by reading, so that no room needs to be importable."""
    bases: dict[str, tuple[set[str], str]] = {}
    for path in python_files(APP):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                names = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
                bases[node.name] = (names, relative(path))
    known = {"StrongroomError"}
    while found := {name for name, (names, _) in bases.items() if names & known} - known:
        known |= found
    return {name: bases[name][1] for name in known - {"StrongroomError"}}


def documented_errors() -> list[str]:
    return re.findall(r"^### `(\w+)`$", (DOCS / "errors.md").read_text(), re.MULTILINE)


def test_every_feature_that_a_test_cites_is_promised() -> None:
    """A19's spirit: an id in a test leads somewhere."""
    rows = feature_rows()
    assert {name: files for name, files in cited_features().items() if name not in rows} == {}


def test_every_promised_feature_is_proved_by_a_test() -> None:
    assert set(feature_rows()) - set(cited_features()) == set()


def test_every_error_has_its_heading() -> None:
    """A19."""
    documented = set(documented_errors())
    assert {name: file for name, file in error_classes().items() if name not in documented} == {}


def test_no_heading_outlives_its_error() -> None:
    """A19."""
    assert set(documented_errors()) - set(error_classes()) == set()


def test_each_error_is_documented_once_with_cause_and_action() -> None:
    """A19."""
    sections = re.split(r"^### ", (DOCS / "errors.md").read_text(), flags=re.MULTILINE)[1:]
    names = documented_errors()
    assert len(names) == len(set(names)) == len(sections)
    assert [section.split("\n")[0] for section in sections if "**Cause.**" not in section or "**What to do.**" not in section] == []


def test_every_locked_package_has_its_licence_listed() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE))
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \|", (DOCS / "design" / "licences.md").read_text(), re.MULTILINE)) - {"package"}
    assert locked
    assert listed == locked


def test_every_requirement_is_locked_by_hash() -> None:
    lock = (CHECKOUT / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
    ]
    names = {match[0].lower() for match in (re.match(r"[A-Za-z0-9_-]+", requirement) for requirement in wanted) if match}
    assert names - {block.split("==")[0] for block in blocks} == set()
    assert "://" not in lock


def test_the_changelog_knows_this_version() -> None:
    newest = re.search(r"^## (\S+)", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == strongroom.__version__


@pytest.mark.parametrize("document", ["README.md", *(relative(path) for path in sorted(DOCS.rglob("*.md")))])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    path = CHECKOUT / document
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    commands = re.findall(r"^python3 -m venv .+$", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
    assert [command.rsplit("&&", 1)[1].split()[0] for command in commands] == [".venv/bin/strongroom", ".venv/bin/python"]
    assert all("pip install --require-hashes -r requirements.lock" in command for command in commands)
