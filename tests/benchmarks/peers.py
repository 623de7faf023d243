"""Programs to compare with, as Debian packages them. One that is missing is reported as missing."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from tests.benchmarks.measuring import Figures, measured
from tests.parts import find_program

SECRET = "benchmark"


class Peer(ABC):
    """A program with a place of its own below ``folder``. Everything it does is measured by the same means as ours."""

    name: str
    package: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name.replace(" ", "-")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.repository = self.folder / "repository"
        self.environment: dict[str, str] = {"HOME": str(self.folder)}

    @classmethod
    def missing(cls) -> str:
        """Why it cannot take part, in words; empty if it can."""
        return "" if find_program(cls.program()) else f"{cls.program()} is not installed (Debian: apt-get install {cls.package})"

    @classmethod
    def program(cls) -> str:
        return cls.name.split()[0]

    @classmethod
    @abstractmethod
    def version(cls) -> str: ...

    @abstractmethod
    def create(self) -> None:
        """An empty repository in place of what was there."""

    @abstractmethod
    def backup(self, image: Path) -> Figures: ...

    @abstractmethod
    def verify(self) -> Figures: ...

    @abstractmethod
    def restore(self, image: Path, target: Path) -> tuple[Figures, Path]:
        """The newest backup of ``image`` below ``target``; where its bytes are now."""

    def _run(self, *command: str, grows: Path | None = None) -> Figures:
        return measured([self.program(), *command], environment=self.environment, grows=grows)[0]

    def _clear(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()


class Zstd(Peer):
    """The compressor alone: no repository, no encryption, no deduplication, no sync."""

    name = "zstd -1 -T2"
    package = "zstd"

    @classmethod
    def version(cls) -> str:
        return _first_line("zstd", "--version")

    def create(self) -> None:
        self._clear()
        self.repository = self.folder / "image.zst"

    def backup(self, image: Path) -> Figures:
        self.repository.unlink(missing_ok=True)
        return self._run("-1", "-T2", "-q", str(image), "-o", str(self.repository), grows=self.repository)

    def verify(self) -> Figures:
        return self._run("-t", "-q", str(self.repository))

    def restore(self, image: Path, target: Path) -> tuple[Figures, Path]:
        path = target / image.name
        return self._run("-d", "-q", str(self.repository), "-o", str(path), grows=target), path


class Restic(Peer):
    """Repository format 2 with compression «auto», a cache in its own folder."""

    name = "restic"
    package = "restic"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment |= {
            "RESTIC_PASSWORD": SECRET,
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_CACHE_DIR": str(self.folder / "cache"),
        }

    @classmethod
    def version(cls) -> str:
        return _first_line("restic", "version")

    def create(self) -> None:
        self._clear()
        self._run("init", "--repository-version", "2", "-q")

    def backup(self, image: Path) -> Figures:
        return self._run("backup", "-q", str(image), grows=self.repository)

    def verify(self) -> Figures:
        return self._run("check", "--read-data", "-q")

    def restore(self, image: Path, target: Path) -> tuple[Figures, Path]:
        return self._run("restore", "latest", "-q", "--target", str(target), grows=target), target / str(image).lstrip("/")


class Borg(Peer):
    """Encrypted (repokey-blake2), zstd level 1, the chunker's own defaults."""

    name = "borg"
    package = "borgbackup"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment |= {
            "BORG_PASSPHRASE": SECRET,
            "BORG_REPO": str(self.repository),
            "BORG_BASE_DIR": str(self.folder),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }
        self._number = 0

    @classmethod
    def version(cls) -> str:
        return _first_line("borg", "--version")

    def create(self) -> None:
        self._clear()
        self._number = 0
        self._run("init", "--encryption", "repokey-blake2")

    def backup(self, image: Path) -> Figures:
        self._number += 1
        return self._run("create", "--compression", "zstd,1", f"::{self._number}", str(image), grows=self.repository)

    def verify(self) -> Figures:
        return self._run("check", "--verify-data")

    def restore(self, image: Path, target: Path) -> tuple[Figures, Path]:
        command = ["sh", "-c", 'cd "$1" && exec borg extract "$2"', "sh", str(target), f"::{self._number}"]
        return measured(command, environment=self.environment, grows=target)[0], target / str(image).lstrip("/")


PEERS: tuple[type[Peer], ...] = (Zstd, Restic, Borg)


def _first_line(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
