"""``docs/guides/command-line.md`` says what the commands are, no more and no less (features A19, C5)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strongroom.cli.exits import ExitCode
from tests.cli.command_tree import leaves, own_options, root, usage, value_of

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "command-line.md"
TEXT = GUIDE.read_text("utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in re.split(r"^### strongroom ", TEXT, flags=re.MULTILINE)[1:]}
COMMANDS = dict(leaves())
NOUNS_AND_VERBS = {
    "vault": "create list show delete",
    "source": "add list remove discover",
    "machine": "list show register unregister release",
    "item": "list show protect backup stop resume delete-data",
    "policy": "create edit copy delete list preview",
    "job": "list show watch cancel retry log",
    "point": "list show hold restore verify",
    "repo": "check prune collect stats",
    "key": "show add remove recovery-sheet",
    "service": "status",
}
ALONE = "ui serve status doctor rebuild demo"


def test_every_promised_command_exists_and_no_other() -> None:
    """C5: nouns and verbs are fixed; what is not built is absent."""
    promised = {f"{noun} {verb}" for noun, verbs in NOUNS_AND_VERBS.items() for verb in verbs.split()} | set(ALONE.split())
    assert set(COMMANDS) == promised


def test_the_guide_has_a_section_for_every_command_and_for_nothing_else() -> None:
    """C5: in the order of the help text."""
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_section_tells_the_usage_the_purpose_and_every_option(words: str) -> None:
    """C5: usage line, help sentence, and exactly the command's own options with their values."""
    command, section = COMMANDS[words], SECTIONS.get(words, "")
    assert f"\n{usage(words, command)}\n" in section
    assert " ".join(command.help.split()) in section
    real = {f"{option.opts[0]} {value_of(option)}".strip() for option in own_options(command)}
    assert set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE)) == real


def test_every_option_and_argument_is_explained_in_the_help_text() -> None:
    """C5: no option without its sentence."""
    for words, command in COMMANDS.items():
        unexplained = [option.name for option in command.params if option.param_type_name == "option" and not option.help]
        assert (words, unexplained) == (words, [])


def test_the_options_of_every_command_are_really_on_every_command() -> None:
    """C5: --json, --home and --vault everywhere, before the noun too."""
    documented = set(re.findall(r"^\| `(--\w+)", TEXT.split("## Options of every command")[1].split("\n## ")[0], flags=re.MULTILINE))
    assert documented == {"--json", "--home", "--vault", "--help"}
    for command in (root(), *COMMANDS.values()):
        assert {"--json", "--home", "--vault"} <= {name for param in command.params for name in param.opts}


def test_the_table_of_exit_codes_is_complete() -> None:
    """A19: the documented codes are the real ones."""
    table = TEXT.split("## Exit codes")[1].split("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)} == {int(code) for code in ExitCode}
