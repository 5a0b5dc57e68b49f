"""A conversation in a room with an echo: does the assistant interrupt itself, and does the user stop it?

``scripts/echo_rig`` runs it for as long as one likes; a test runs its short form.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

if __name__ == "__main__":  # by hand, nothing has put the folders on the path
    root = Path(__file__).parents[2]
    sys.path[:0] = [str(root), str(root / "codecs"), str(root / "clients")]

from tests.support.acoustics import Room, Tape, room, save_tape
from tests.support.browser import write_wav
from tests.support.echoclients import Client, open_client
from tests.support.narrator import STORY, narrator_bundle, tell
from tests.support.scripted import Script
from tests.support.server import running_server

QUESTION = "Could you please tell me a story?"
INTERRUPTIONS = (
    ("rms", "Wait a moment, please stop now."),
    ("kal", "Excuse me, I have another question."),
    ("awb", "Hold on, that was not what I meant."),
)
PATIENT = Script(quiet_frames=25)  # it begins half a second after the user ended
WAIT_S = 90  # generous: the machine may be busy
LEAD_S = 2.5  # of the assistant's speech before the user talks over it, at least
LATER_S = 0.43  # so much later each time, so that it hits all sorts of sounds
ATTEMPTS = 8  # to talk over it while it is not silent between two sentences


@dataclass
class Finding:
    """What came of one run."""

    talked_s: float = 0.0  # that the assistant talked without the user
    self_interruptions: int = 0
    self_pauses: int | None = None
    interruptions: int = 0  # that the user tried
    stop_ms: list[float] = field(default_factory=list[float])  # onset at the mouth → silence at the speaker

    @property
    def good(self) -> bool:
        """It never interrupted itself, and the user always did."""
        return self.self_interruptions == 0 and len(self.stop_ms) == self.interruptions

    def lines(self) -> list[str]:
        """The finding for people."""
        paused = "" if self.self_pauses is None else f", paused {self.self_pauses} times"
        found = [
            f"the assistant talked for {self.talked_s:.0f} s through the loop and interrupted itself "
            f"{self.self_interruptions} times{paused}",
            f"the user talked over it {self.interruptions} times and stopped it {len(self.stop_ms)} times",
        ]
        if self.stop_ms:
            p50, p95 = np.percentile(self.stop_ms, [50, 95])
            found.append(f"onset at the mouth → silence at the speaker: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        return found


@dataclass
class Rig:
    """The room, the client in it, and what the user has to say."""

    air: Room
    client: Client
    question: Path
    interruptions: list[Path]
    tell: Callable[[str], None]

    def run(self, talk_s: float, interruptions: int) -> Finding:
        """The assistant talks undisturbed for so long, then the user talks over it so many times."""
        finding = Finding()
        self.until(self.client.ready, "the client is ready")
        self.air.record()
        self.let_talk(talk_s, finding)
        for number in range(interruptions):
            self.talk_over(number, finding)
        return finding

    def let_talk(self, seconds: float, finding: Finding) -> None:
        """Asks for the story, again when it is over, until it was told for so long."""
        while finding.talked_s < seconds:
            self.ask()
            cut, pauses = self.client.cut(), self.client.pauses()
            began_s = self.air.recorded_s
            while finding.talked_s + self.air.recorded_s - began_s < seconds and self.talking(3.0):
                self.client.breathe()
            finding.talked_s += self.air.recorded_s - began_s
            finding.self_interruptions += self.client.cut() - cut
            if pauses is not None:
                finding.self_pauses = (finding.self_pauses or 0) + (self.client.pauses() or 0) - pauses
            self.tell(f"talked for {finding.talked_s:.0f} s")

    def ask(self) -> None:
        """The user asks, and the story begins."""
        before_s = self.air.recorded_s
        self.air.say(self.question)
        self.until(lambda: self.air.recorded_s > before_s + 1 and self.quiet(), "the user has asked")
        self.until(lambda: self.talking(0.3), "the story begins")
        self.wait(LEAD_S)

    def talk_over(self, number: int, finding: Finding) -> None:
        """Once, while the assistant speaks; again where it happened to make a pause just then."""
        for attempt in range(ATTEMPTS):
            if not self.talking(1.0):
                self.ask()
            self.wait(LEAD_S + LATER_S * ((3 * number + attempt) % 8))
            self.until(lambda: self.talking(0.1), "the assistant speaks")
            cut = self.client.cut()
            tape = self.hear_out(self.interruptions[(number + attempt) % len(self.interruptions)])
            onset_s, end_s = tape.utterances()[0][0], tape.utterances()[-1][1]
            self.until(lambda: self.talking(0.3), "the story goes on or begins again")
            if tape.heard_between(onset_s, onset_s + 0.1) is None:
                continue
            finding.interruptions += 1
            silent_s = tape.heard_between(onset_s, end_s) or onset_s
            if self.client.cut() > cut:
                finding.stop_ms.append((silent_s - onset_s) * 1000)
            self.tell(f"stopped {len(finding.stop_ms)} of {finding.interruptions} times")
            return

    def hear_out(self, saying: Path) -> Tape:
        """The user says something, to its end; what is on the tape since."""
        before_s = self.air.recorded_s
        self.air.say(saying)
        self.until(lambda: self.air.recorded_s > before_s + 2 and self.quiet(), "the user has ended")
        return self.air.taped(self.air.recorded_s - before_s)

    def quiet(self) -> bool:
        """The user said nothing within the last half second."""
        return not self.air.taped(0.5).utterances()

    def talking(self, within_s: float) -> bool:
        """The assistant was heard within the last seconds."""
        return self.air.taped(within_s).audible()

    def wait(self, seconds: float) -> None:
        end_s = self.air.recorded_s + seconds
        self.until(lambda: self.air.recorded_s >= end_s, "time passes")

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                save_tape(self.air.taped(), Path(tempfile.gettempdir()) / "voicert-echo-rig.wav")
                raise AssertionError(f"it never happened that {what}")
            self.client.breathe()


@contextmanager
def rig(name: str, tell_progress: Callable[[str], None] = lambda text: None) -> Generator[Rig]:
    """A rig with the client of this name, and a server whose model tells a story."""
    with tempfile.TemporaryDirectory(prefix="voicert") as made:
        folder = Path(made)
        question = write_wav(folder / "question.wav", tell(QUESTION, "rms"))
        sayings = [write_wav(folder / f"{voice}.wav", tell(text, voice)) for voice, text in INTERRUPTIONS]
        bundle = narrator_bundle(2, tell(STORY), PATIENT)
        here = folder / "pulse"
        here.mkdir()
        with (
            running_server(bundle=bundle, max_sessions=2) as server,
            room(here) as air,
            open_client(name, air, server.url) as client,
        ):
            yield Rig(air, client, question, sayings, tell_progress)


def main() -> int:
    """The rig from the command line; 1 when the assistant interrupted itself or was not stopped each time."""
    parser = argparse.ArgumentParser(prog="scripts/echo_rig", description=__doc__)
    parser.add_argument("--client", choices=("page", "terminal"), action="append", help="default: both")
    parser.add_argument("--seconds", type=float, default=120, help="of undisturbed talk (default 120)")
    parser.add_argument("--interruptions", type=int, default=10, help="default 10")
    parser.add_argument("--tapes", type=Path, metavar="DIR", help="keep the recordings there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the findings there")
    options = parser.parse_args()
    findings: dict[str, Finding] = {}
    for name in options.client or ("page", "terminal"):
        with rig(name, lambda text, name=name: print(f"{name}: {text}", file=sys.stderr, flush=True)) as made:
            findings[name] = made.run(options.seconds, options.interruptions)
            if options.tapes:
                options.tapes.mkdir(parents=True, exist_ok=True)
                save_tape(made.air.taped(), options.tapes / f"{name}.wav")
    for name, finding in findings.items():
        print("\n".join(f"{name}: {line}" for line in finding.lines()))
    if options.json:
        options.json.write_text(json.dumps({name: asdict(one) for name, one in findings.items()}, indent=2))
    return int(not all(one.good for one in findings.values()))


if __name__ == "__main__":
    sys.exit(main())
