"""The command line: ``voicert serve``, ``chat``, ``bench`` and ``codec``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from voicert import __version__
from voicert.config import load_config, settings
from voicert.errors import VoicertError
from voicert.setting import Setting

USAGE_ERROR = 2  # exit code of every deliberate error
INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it


class Parser(argparse.ArgumentParser):
    """Argparse whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help.\n")


@dataclass(frozen=True)
class Command:
    """A subcommand; the module behind it is imported only when it is chosen."""

    text: str  # what it does, one line
    prepare: Callable[[argparse.ArgumentParser], Callable[[argparse.Namespace], int]]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the result is the exit code. Deliberate errors are one sentence on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = Parser(prog="voicert", description="Talk with a speech-native model on your own machine.")
    parser.add_argument("--version", action="version", version=f"voicert {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    run: Callable[[argparse.Namespace], int] | None = None
    for name, command in _COMMANDS.items():
        subparser = commands.add_parser(name, help=command.text, description=command.text)
        if name == chosen:
            run = command.prepare(subparser)
    options = parser.parse_args(arguments)
    assert run is not None  # argparse has accepted the command, so it is the one that was prepared
    try:
        return run(options)
    except VoicertError as error:
        print(f"voicert: {str(error).rstrip('.')}.", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _prepare_serve(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    parser.epilog = (
        "Every option can also be given in the environment (VOICERT_PORT for --port) and in the config file "
        "(port = 8400 under [server]); the command line comes first, then the environment, then the file."
    )
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings (VOICERT_CONFIG)")
    section = ""
    group = parser
    for setting in settings():
        if setting.section != section:
            section = setting.section
            group = parser.add_argument_group(f"[{section}]")
        switch = setting.kind is bool  # --open-access alone is yes
        group.add_argument(
            setting.flag,
            dest=setting.name,
            metavar=_metavar(setting),
            default=None,
            help=_help(setting),
            nargs="?" if switch else None,
            const="yes" if switch else None,
        )
    return _serve


def _serve(options: argparse.Namespace) -> int:
    given = {name: value for name, value in vars(options).items() if isinstance(value, str)}
    file = given.get("config") or os.environ.get("VOICERT_CONFIG")
    config = load_config(given, os.environ, Path(file).expanduser() if file else None)

    import logging

    from voicert.server.run import serve

    logging.basicConfig(
        level=config.server.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    serve(config)
    return 0


def _prepare_chat(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    from voicert_clients.terminal import cli

    cli.add_arguments(parser)
    return cli.run


def _prepare_bench(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    from voicert.bench import cli

    cli.add_arguments(parser)
    return cli.run


def _prepare_codec(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    from voicert_codecs import cli

    cli.add_arguments(parser)
    return cli.run


def _prepare_eval(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    from voicert.evaluation import cli

    cli.add_arguments(parser)
    return cli.run


def _metavar(setting: Setting) -> str:
    if setting.about.choices:
        return "{" + ",".join(setting.about.choices) + "}"
    if setting.kind is bool:
        return "yes|no"
    if setting.kind is str:
        return "TEXT"
    if setting.kind in (int, float):
        return "N"
    return "FILE" if setting.default is None else "A,B"


def _help(setting: Setting) -> str:
    shown = setting.default not in (None, (), False, "")
    return setting.about.text + (f" (default {setting.default})" if shown else "")


def _prepare_replay(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    from voicert.replay import cli

    cli.add_arguments(parser)
    return cli.run


_COMMANDS: Mapping[str, Command] = {
    "serve": Command("Run the server: the page, the OpenAI Realtime endpoint and the model.", _prepare_serve),
    "chat": Command("Talk in the terminal, by microphone or with WAV files.", _prepare_chat),
    "codec": Command("Turn sound files into codec tokens and back.", _prepare_codec),
    "eval": Command("Examine a model: what it hears, answers and leaves alone.", _prepare_eval),
    "bench": Command("Measure response gap, round trip and interruption.", _prepare_bench),
    "replay": Command("Run a recorded session through its model again.", _prepare_replay),
}

if __name__ == "__main__":
    sys.exit(main())
