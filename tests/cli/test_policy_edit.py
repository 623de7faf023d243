"""An edit that would let points expire says so and must be wanted (A8)."""

from __future__ import annotations

from tests.cli.terminal_run import Command


def test_an_edit_that_would_expire_points_is_shown_and_refused_until_it_is_confirmed(installation: Command) -> None:
    """A8."""
    assert installation("machine", "register", "db01", "--wait").code == 0
    assert installation("item", "protect", "db01", "--policy", "nightly", "--wait").code == 0
    for _ in range(2):
        assert installation("item", "backup", "db01", "--wait").code == 0

    refused = installation("policy", "edit", "nightly", "--keep-days", "0", "--keep-last", "1")
    assert refused.code == 2
    assert "would expire" in refused.err
    assert "--confirm nightly" in refused.err
    assert "remove" not in installation("repo", "prune", "--dry-run").out

    assert installation("policy", "edit", "nightly", "--keep-days", "0", "--keep-last", "1", "--confirm", "nightly").code == 0
    assert installation("repo", "prune", "--dry-run").out.count("remove") == 1
    assert installation("policy", "edit", "nightly", "--keep-days", "30").code == 0, "what expires nothing asks nothing"
    assert "remove" not in installation("repo", "prune", "--dry-run").out
