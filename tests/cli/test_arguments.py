"""What operators type becomes what they mean, or an error that says how to type it (features A8, A16, A19)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.cli import moments
from strongroom.cli.exits import ExitCode
from strongroom.cli.main import main
from strongroom.cli.policy_options import host_zone
from strongroom.domain.errors import InvalidInput
from tests.cli.terminal_run import Command


@pytest.fixture(scope="module")
def home_with_vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One vault for every test that leaves no trace in it."""
    folder = tmp_path_factory.mktemp("arguments")
    made = ["vault", "create", "berlin", "--region", "here", "--recovery-key-to", str(folder / "key")]
    assert main(["--home", str(folder / "home"), *made]) == ExitCode.DONE
    return folder / "home"


@pytest.fixture
def shared_vault(home_with_vault: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(home_with_vault, capsys)


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def vault(command: Command, tmp_path: Path) -> Command:
    assert command("vault", "create", "berlin", "--region", "here", "--recovery-key-to", str(tmp_path / "key")).code == 0
    return command


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-12-31T22:00Z", datetime(2026, 12, 31, 22, tzinfo=UTC)),
        ("2026-12-31T22:00+01:00", datetime(2026, 12, 31, 21, tzinfo=UTC)),
        ("90m", datetime(2026, 11, 22, 13, 30, tzinfo=UTC)),
        ("30d", datetime(2026, 12, 22, 12, tzinfo=UTC)),
        (" 2w ", datetime(2026, 12, 6, 12, tzinfo=UTC)),
    ],
)
def test_times_to_come(text: str, meant: datetime) -> None:
    """B4: dates, times and distances."""
    assert moments.in_future(text, NOW) == meant


def test_times_gone_by_count_backwards() -> None:
    """A13: the same distance, the other way."""
    assert moments.in_past("12h", NOW) == datetime(2026, 11, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "31.12.2026", "-3d", "999999w", "2020-01-01", "2026-11-22T12:00Z"])
def test_what_is_no_time_to_come_is_refused(text: str) -> None:
    """A19: and never a traceback."""
    with pytest.raises(InvalidInput):
        moments.in_future(text, NOW)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--daily-at 22:00 --daily-at 06:00 --keep-days 7", "every day at 06:00 and 22:00 UTC, keep 7 days"),
        ("--hourly-every 4 --from 08:00 --until 20:00 --keep-last 5", "every 4 h from 08:00 to 20:00 UTC, keep the last 5 points"),
        ("--weekly-on monday --weekly-on FRIDAY --at 06:00 --keep-weeks 4", "every Monday and Friday at 06:00 UTC, keep 4 weeks"),
        ("--monthly-on last-friday --at 03:00 --keep-months 12", "on the last Friday of every month at 03:00 UTC, keep 12 months"),
        ("--monthly-on-day 1 --at 03:00 --keep-years 2", "on day 1 of every month at 03:00 UTC, keep 2 years"),
    ],
)
def test_every_kind_of_schedule_has_its_options(shared_vault: Command, options: str, words: str) -> None:
    """A8: hourly, daily, weekly, monthly by day and by weekday."""
    made = shared_vault("policy", "create", words, "--time-zone", "UTC", *options.split(), "--json")
    assert (made.code, made.json["words"]) == (ExitCode.DONE, words)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--keep-days 7", "--daily-at"),
        ("--daily-at 22:00", "--keep-days"),
        ("--daily-at 22:00 --hourly-every 4 --keep-days 7", "one kind of schedule"),
        ("--weekly-on monday --keep-days 7", "--at HH:MM"),
        ("--daily-at 22:00 --at 06:00 --keep-days 7", "--at belongs to"),
        ("--daily-at 22:00 --from 06:00 --keep-days 7", "--hourly-every"),
        ("--daily-at 25:00 --keep-days 7", "25:00"),
        ("--daily-at 22:00 --time-zone Mars/Olympus --keep-days 7", "Mars/Olympus"),
        ("--monthly-on fifth-friday --at 03:00 --keep-days 7", "last-friday"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_in_words(shared_vault: Command, options: str, told: str) -> None:
    """A8, A19: the answer names the option to give."""
    ran = shared_vault("policy", "create", "p", *options.split())
    assert ran.code == ExitCode.USAGE
    assert told in ran.err


def test_editing_changes_only_what_is_given(vault: Command) -> None:
    """A8: the schedule stays when only the retention is edited, and the other way round."""
    vault("policy", "create", "p", "--time-zone", "UTC", "--daily-at", "22:00", "--keep-days", "7", "--attempts", "2")
    kept = vault("policy", "edit", "p", "--keep-weeks", "4", "--json").json
    assert kept["words"] == "every day at 22:00 UTC, keep 7 days, 4 weeks"
    assert kept["spec"]["retries"]["attempts"] == 2
    moved = vault("policy", "edit", "p", "--daily-at", "23:00", "--time-zone", "Europe/Berlin", "--json").json
    assert moved["words"] == "every day at 23:00 Europe/Berlin, keep 7 days, 4 weeks"


def test_a_policy_previews_its_runs_and_what_it_holds(vault: Command) -> None:
    """A7: the next runs, and how many points there will be."""
    vault("policy", "create", "p", "--time-zone", "UTC", "--daily-at", "22:00", "--keep-days", "7")
    seen = vault("policy", "preview", "p", "--runs", "3", "--json").json
    assert [run["local_time"] for run in seen["next_runs"]] == ["22:00:00"] * 3
    assert seen["points_when_full"] == 7
    assert "7 points per machine" in vault("policy", "preview", "p").out


def test_a_policy_is_copied_and_deleted(vault: Command) -> None:
    """A8: by name; a second of the same name is refused."""
    vault("policy", "create", "p", "--time-zone", "UTC", "--daily-at", "22:00", "--keep-days", "7")
    assert vault("policy", "copy", "p", "p").code == ExitCode.USAGE
    assert vault("policy", "copy", "p", "q").code == ExitCode.DONE
    assert vault("policy", "delete", "p").code == ExitCode.DONE
    assert [row["name"] for row in vault("policy", "list", "--json").json["items"]] == ["q"]
    assert vault("policy", "delete", "p").code == ExitCode.NOT_FOUND


def test_the_hosts_zone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A8: an IANA name, not an abbreviation."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert host_zone() == "Europe/Berlin"
    monkeypatch.setenv("TZ", ":America/New_York")
    assert host_zone() == "America/New_York"


def test_with_several_vaults_one_must_be_named_before_or_after_the_noun(vault: Command) -> None:
    """A1: the error lists them."""
    assert vault("vault", "create", "dublin", "--region", "there", "--json").code == 0
    ambiguous = vault("policy", "list", "--json")
    assert ambiguous.code == ExitCode.USAGE
    assert ambiguous.json["error"]["cause"] == "vaults: berlin, dublin"
    assert vault("--vault", "dublin", "policy", "list").code == ExitCode.DONE
    assert vault("policy", "list", "--vault", "dublin").code == ExitCode.DONE
    assert vault("policy", "list", "--vault", "paris").code == ExitCode.NOT_FOUND
