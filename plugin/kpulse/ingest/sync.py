"""Reads a source: one page, one transaction; a run ends in exactly one of ok, partial (what is missing), failed (kind)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kpulse.clock import DAY, MICROSECOND, SECOND, Clock, to_instant, utc_now
from kpulse.errors import KpulseError, SourceChanged
from kpulse.ingest import plan
from kpulse.ingest.mapping import Mapping, Pseudonymise
from kpulse.ingest.page import store_page
from kpulse.ingest.reconcile import Loss, reconcile
from kpulse.log import get_log
from kpulse.sdk.connector import Connector, Stream
from kpulse.store import sources
from kpulse.store.database import Database


@dataclass(frozen=True)
class Result:
    """How a run ended. ``message`` is one sentence for the KM lead."""

    outcome: str
    kind: str = ""
    message: str = ""
    records: int = 0
    rejected: int = 0


@dataclass
class Sync:
    """One run over one source.

    ``after_page`` is called after each commit, for example to refresh what is derived; ``stopping`` ends the run after
    the current page without losing anything.
    """

    database: Database
    source: sources.Source
    connector: Connector
    pseudonymise: Pseudonymise
    poll_minutes: int = 15
    clock: Clock = utc_now
    after_page: Callable[[], None] = lambda: None
    stopping: Callable[[], bool] = lambda: False
    accept_losses: bool = False
    force_sweep: bool = False
    states: dict[str, Any] = field(default_factory=dict)
    _records: int = 0
    _rejected: int = 0
    _started: int = 0
    _share_at_start: float = 0.0

    def run(self) -> Result:
        """Read all that is due; KpulseErrors end in a failed result, and what was read before stays."""
        self._started = self._now()
        with self.database.writing() as connection:
            self.run_id = sources.start_run(connection, self.source.id, self._started)
            self.states = sources.read_states(connection, self.source.id)
        try:
            self._note_streams()
            self._share_at_start = self._share()
            result = self._read_everything()
        except KpulseError as error:
            result = Result("failed", error.kind, str(error), self._records, self._rejected)
        except Exception as error:  # noqa: BLE001 (the seam: a connector may fail in any way, and the books must be closed)
            get_log().exception("connector failed", source=self.source.name)
            message = (
                f"The connector failed unexpectedly ({type(error).__name__}); the log says where. Tell its makers."
            )
            result = Result("failed", SourceChanged.kind, message, self._records, self._rejected)
        self._close(result)
        return result

    def _note_streams(self) -> None:
        """Streams that were never read are known from now on, so that nobody takes the others for the whole."""
        new = {stream.name for stream in self.connector.streams} - self.states.keys()
        with self.database.writing() as connection:
            for name in new:
                sources.save_state(connection, self.source.id, name, {}, self._started)

    def _read_everything(self) -> Result:
        while (step := self._next()) is not None:
            if self.stopping():
                message = "The service was stopped; the next run goes on from the last saved page."
                return Result("partial", sources.STOPPED, message, self._records, self._rejected)
            self._read(step)
        self._sweep()
        missing = [text for stream in self.connector.streams for text in self._state(stream.name).get("held", ())]
        if self._rejected:
            missing.append(f"{self._rejected} rows could not be read and wait in quarantine.")
        outcome = "partial" if missing else "ok"
        return Result(outcome, "", " ".join(missing), self._records, self._rejected)

    def _next(self) -> plan.Step | None:
        now = self._now()
        due = max(self._started, now - self.poll_minutes * 60 * SECOND)
        steps = (
            plan.next_step(stream, self.states.get(stream.name, {}), now=now, due=due, history=self._history)
            for stream in self.connector.streams
        )
        return plan.choose(step for step in steps if step is not None)

    def _read(self, step: plan.Step) -> None:
        stream = next(s for s in self.connector.streams if s.name == step.stream)
        began = self._now()
        mapping = Mapping(self.source.id, self.pseudonymise)
        for page in self.connector.fetch(step.stream, step.window, step.cursor):
            state = plan.save_page(self._state(step.stream), step, page.cursor, len(page.records), stream.mode)
            with self.database.writing() as connection:
                sources.require_source(connection, self.source.id)
                self._rejected += store_page(connection, self.source.id, step.stream, page, mapping, state, self._now())
                self._records += len(page.records)
                self._note_progress(connection, step)
            self.states[step.stream] = state
            self.after_page()
            if self.stopping():
                return
        self._save(step.stream, plan.end_step(self._state(step.stream), step, began=began))
        self.after_page()

    def _sweep(self) -> None:
        """Sweep what is due; a held loss is kept in the stream's state, so that every run tells until it is settled."""
        for stream in self.connector.streams:
            if stream.sweep and self._sweep_is_due(stream):
                began = self._now()
                pages = self.connector.sweep(stream.name)
                losses = reconcile(self.database, self.source.id, pages, accept=self.accept_losses, at=began)
                held = [_describe(loss) for loss in losses if loss.held]
                self._save(stream.name, {**self._state(stream.name), "swept_at": began, "held": held})
                self.after_page()

    def _sweep_is_due(self, stream: Stream) -> bool:
        last = self._state(stream.name).get("swept_at")
        if last is None or self.force_sweep or self.accept_losses:
            return True
        return bool(last + stream.sweep_every // MICROSECOND <= self._now())

    def _save(self, stream: str, state: dict[str, Any]) -> None:
        with self.database.writing() as connection:
            sources.require_source(connection, self.source.id)
            sources.save_state(connection, self.source.id, stream, state, self._now())
        self.states[stream] = state

    def _note_progress(self, connection: Any, step: plan.Step) -> None:
        share, now = self._share(), self._now()
        gained = share - self._share_at_start
        eta = now + int((now - self._started) * (1 - share) / gained) if gained > 0 and share < 1 else None
        sources.change_run(
            connection,
            self.run_id,
            records=self._records,
            rejected=self._rejected,
            stage=f"{step.stream}: {step.stage}",
            progress=round(share * 1000),
            eta=eta,
        )

    def _close(self, result: Result) -> None:
        with self.database.writing() as connection:
            sources.change_run(
                connection,
                self.run_id,
                ended_at=self._now(),
                outcome=result.outcome,
                kind=result.kind,
                message=result.message,
                records=self._records,
                rejected=self._rejected,
                progress=self._promille(),
            )
        get_log().info(
            "run ended", source=self.source.name, outcome=result.outcome, kind=result.kind, records=self._records
        )

    def _promille(self) -> int:
        try:
            return round(self._share() * 1000)
        except KpulseError:  # the connector cannot even say which streams it has
            return 0

    def _share(self) -> float:
        return plan.measure_progress(self.connector.streams, self.states, now=self._now(), history=self._history)

    def _state(self, stream: str) -> dict[str, Any]:
        return dict(self.states.get(stream, {}))

    @property
    def _history(self) -> int:
        return self.source.history_days * DAY

    def _now(self) -> int:
        return to_instant(self.clock())


def _describe(loss: Loss) -> str:
    return (
        f"{loss.missing} of {loss.known} {loss.what}s are no longer listed by the source, which is unusual; nothing was taken "
        "away. Check the account's rights, or accept the deletions if they are real."
    )
