"""One worker process as the service sees it: started, listened to, asked to end, and its job ended whatever happens."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import IO, Any

from sqlmodel import col, select, update

from strongroom.catalog.entities import Job, SubTask
from strongroom.domain.errors import ErrorRecord
from strongroom.domain.states import SubTaskStatus
from strongroom.engine.context import Context

Ended = Callable[["Worker"], None]


class Worker:
    """A running job in its own process. ``result`` or ``error`` is set once it has ended; neither means that it died without a word."""

    def __init__(self, context: Context, job: Job, ended: Ended) -> None:
        self.job = job
        self.result: Mapping[str, Any] | None = None
        self.error: ErrorRecord | None = None
        self.warnings: list[str] = []
        self.commit_key = ""
        self._context = context
        self._ended = ended
        self._log = context.paths.job_log(job.uid).open("a", encoding="utf-8", errors="replace")
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._follow, name=f"job-{job.id}", daemon=True)

    def start(self, body: dict[str, Any]) -> None:
        """Start the process and tell it its job."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "strongroom.engine.work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # a Ctrl-C at the service's terminal is the service's to handle
        )
        self._tell(body)
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to end; it looks at least once per slot."""
        self._tell({"say": "cancel"})

    def kill(self) -> None:
        """End a worker that does not listen; its repository session is settled afterwards as after any crash."""
        if self._process is not None:
            self._process.kill()

    def join(self, seconds: float) -> bool:
        """Wait for the end of job and process; whether they ended in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def exit_status(self) -> str:
        """How the process ended, in words."""
        code = self._process.returncode if self._process else None
        return f"killed by signal {-code}" if code is not None and code < 0 else f"exit status {code}"

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            self._note("the worker does not listen any more")

    def _follow(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        try:
            with process:  # waits for its end and closes the pipes
                self._listen(process.stdout)
        finally:
            self._ended(self)
            self._log.close()

    def _listen(self, stream: IO[str]) -> None:
        """Take every message; one that cannot be taken is noted and must not stop the listening."""
        for line in stream:
            try:
                self._take(json.loads(line))
            except Exception as error:  # noqa: BLE001  (a full catalog disk must not leave a worker unheard)
                self._note(f"message not recorded: {error}: {line[:200]!r}")

    def _take(self, message: Mapping[str, Any]) -> None:
        match message["say"]:
            case "declare":
                self._declare(message["commit_key"])
            case "progress":
                self._update(durable=False, progress=message["progress"])
            case "sub_task":
                self._sub_task(message)
            case "log":
                self._note(message["text"])
            case "warning":
                self.warnings.append(message["text"])
                self._note(f"warning: {message['text']}")
            case "result":
                self.result = message["result"]
            case "error":
                self.error = message["error"]
                self._note(message["traceback"])

    def _declare(self, commit_key: str) -> None:
        """The row knows where the manifest will be before anything is written; only then may the worker go on."""
        self._update(durable=True, commit_key=commit_key)
        self.commit_key = commit_key
        self._tell({"say": "ack"})

    def _update(self, *, durable: bool, **values: Any) -> None:
        with self._context.catalog.write(durable=durable) as session:
            session.exec(update(Job).where(col(Job.id) == self.job.id).values(**values))

    def _sub_task(self, message: Mapping[str, Any]) -> None:
        now = self._context.clock.now()
        status = SubTaskStatus(message["status"])
        with self._context.catalog.write(durable=False) as session:
            task = session.exec(select(SubTask).where(SubTask.job_id == self.job.id, SubTask.name == message["name"])).first()
            if task is not None:
                _move(task, status, message["detail"], now)
                session.add(task)
        self._note(f"{message['name']}: {status.value} {message['detail']}".rstrip())

    def _note(self, text: str) -> None:
        stamp = self._context.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._log.write(f"{stamp} {text}\n")
        self._log.flush()


def _move(task: SubTask, status: SubTaskStatus, detail: str, now: datetime) -> None:
    task.status, task.detail = status, detail or task.detail
    if status is SubTaskStatus.IN_PROGRESS:
        task.started_at, task.ended_at = now, None
    else:
        task.started_at, task.ended_at = task.started_at or now, now
