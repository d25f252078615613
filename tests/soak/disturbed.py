"""One study that is killed at every moment of its schedule, and started again each time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psutil

from tests.soak import kills, ledger_watch, moments
from tests.soak.compared_runs import compare_files, compare_ledgers, compare_trainings
from tests.soak.records import Ended, Killed, Records
from tests.soak.session import Session, start
from tests.support.commands.study_process import Study, end_session, session_members

_UNTIL_LEFT_S = 120
_ATTEMPTS = 5


class Disturbed:
    """Runs one study to its end.

    A stopped soak goes on where it was: records say which moments of the schedule are done.

    Args:
        study: the study; its folder may exist.
        number: of the study in the soak.
        lengths: seconds of the moments of an undisturbed study.
        records: gets each kill.
        deck: what is killed next.
        seed: of the random points.
    """

    def __init__(
        self,
        study: Study,
        number: int,
        lengths: moments.Lengths,
        records: Records,
        deck: Iterator[str],
        seed: int,
    ) -> None:
        self.study, self.number, self.lengths, self.records = study, number, lengths, records
        self._deck, self._seed = deck, seed
        self._watch = ledger_watch.LedgerWatch(study.out)
        self._session: Session | None = None
        self._leaders: list[int] = []
        self._left = 0
        # Kills that the driver of the running command has survived so far.
        self._survived: list[Killed] = []

    def run(self) -> None:
        """Kills the study at the moments that are left, and lets it finish.

        Raises:
            SystemExit: if it does not finish though nothing disturbs it any more.
        """
        done = sum(bool(record.wanted) for record in self.records.of_study(self.number))
        try:
            for position, moment in enumerate(moments.schedule()):
                if position >= done:
                    self._disturb(moment, Random(f"{self._seed} {self.number} {position}"))
            for _ in range(_ATTEMPTS):
                self._running()
                if self._ended_by_itself() == 0:
                    break
            else:
                place = self.study.out.parent
                raise SystemExit(f"study {self.number} does not finish: see {place}")
            self._left = self._still_running()
        finally:
            for leader in self._leaders:
                end_session(leader)

    def result(self, reference: Path, workers: int) -> Ended:
        """Compares the finished study with an undisturbed one.

        With one worker all numbers, predictions and weights are equal. With several, ASHA's
        decisions follow the order in which trials report, so that only trainings that both studies
        have are compared.
        """
        out = self.study.out
        if workers == 1:
            compared = [compare_ledgers(reference, out), compare_files(reference, out)]
            differences = [
                line for each in compared for line in each.different + each.missing + each.added
            ]
        else:
            compared = [compare_trainings(reference, out)]
            differences = compared[0].different
        lost, changed = self._watch.look()
        trained, repeated = ledger_watch.epochs(out)
        return Ended(
            study=self.number,
            workers=workers,
            commands=self._outputs(),
            trials=len(list((out / "ledger").glob("*/*/*"))),
            lost=lost,
            changed=changed,
            doubled=ledger_watch.doubled(out),
            trained=trained,
            repeated=repeated,
            compared=sum(each.equal for each in compared),
            differences=differences,
            left=self._left,
        )

    def _disturb(self, moment: str, rng: Random) -> None:
        if self._session is not None and self._session.process.poll() is not None:
            self._ended_by_itself()
        if moments.is_past(moment, self.study.out):
            self.records.add(Killed(self.number, moment))
            return
        if self._session is not None and moment == "resume":
            self._kill("", "driver", rng)
        if self._session is not None and moment == "again":
            self._ended_by_itself()
        for _ in range(_ATTEMPTS):
            session = self._running()
            if moments.wait_for(
                moment, self.study.out, session.at_start, session.process, self.lengths, rng
            ):
                self._kill(moment, next(self._deck), rng)
                return
            if self._ended_by_itself() == 0:
                break
        self.records.add(Killed(self.number, moment))

    def _kill(self, moment: str, kind: str, rng: Random) -> None:
        session = self._running()
        self._watch.look()
        record = Killed(self.number, moment)
        record.moment = moments.moment_now(self.study.out, session.at_start)
        record.kind = kills.kill(kind, session.process.pid, rng)
        self._survived.append(record)
        if record.kind in kills.ENDS_DRIVER:
            self._note(session.end(), kills.EXPECTED[record.kind])

    def _ended_by_itself(self) -> int:
        code = self._running().end()
        self._note(code, (0,))
        return code

    def _note(self, code: int, expected: tuple[int, ...]) -> None:
        """Records the kills of a command that has ended; the last one is what ended it."""
        session = self._running()
        lost, changed = self._watch.look()
        if code not in expected and not self._survived:
            self._survived.append(Killed(self.number, "", kind="nothing"))
        if self._survived:
            last = self._survived[-1]
            last.exit, last.expected, last.lost, last.changed = (
                code,
                code in expected,
                lost,
                changed,
            )
            last.words = "" if last.expected else session.last_words
        self.records.add(*self._survived)
        self._survived, self._session = [], None

    def _running(self) -> Session:
        if self._session is None:
            output = self.study.out.parent / f"command-{self._outputs():03d}.out"
            self._session = start(self.study, output)
            self._leaders.append(self._session.process.pid)
        return self._session

    def _outputs(self) -> int:
        return len(list(self.study.out.parent.glob("command-*.out")))

    def _still_running(self) -> int:
        """Waits for the processes of all commands; returns how many do not end."""
        processes = []
        for pid in (pid for leader in self._leaders for pid in session_members(leader)):
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(pid))
        _, alive = psutil.wait_procs(processes, timeout=_UNTIL_LEFT_S)
        return len(alive)
