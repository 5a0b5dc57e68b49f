"""Imports run one way, as the design draws them, and what the plain install serves with needs no torch.

The source is read, not run: every ``import`` statement counts, inside functions and under
``TYPE_CHECKING`` too, and so does ``importlib.import_module`` of a literal name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"voicert": ".", "voicert_codecs": "codecs", "voicert_clients": "clients"}  # package: its folder

MODELS = {"voicert.models", "voicert_codecs", "voicert.errors"}
ENGINE = {"voicert.engine", *MODELS}
SESSION = {"voicert.session", *ENGINE}
REPLAY = {"voicert.replay", *ENGINE}
CONFIG = {"voicert.config", "voicert.setting", "voicert.errors"}
SERVER = {"voicert.server", "voicert.replay", *CONFIG, *SESSION}

# Module or package: what of this project it may import. The longest matching name counts.
MAY_IMPORT: dict[str, set[str]] = {
    "voicert_codecs": {"voicert_codecs"},
    "voicert_clients": {"voicert_clients"},
    "voicert": set(),
    "voicert.errors": set(),
    "voicert.config": CONFIG,
    "voicert.setting": {"voicert.setting", "voicert.errors"},
    "voicert.models": MODELS,
    "voicert.engine": ENGINE,
    "voicert.session": SESSION,
    "voicert.replay": REPLAY,
    "voicert.replay.cli": {"voicert_clients", *REPLAY},
    "voicert.server": SERVER,
    "voicert.evaluation": {"voicert.evaluation", "voicert_clients", *MODELS},
    "voicert.bench": {"voicert.bench", "voicert.errors", "voicert_clients"},
    "voicert.cli": {"voicert.cli", "voicert.bench", "voicert.evaluation", "voicert_clients", *SERVER},
    "voicert.__main__": {"voicert.cli"},
}
WITHOUT_IO = (
    "voicert.engine",
    "voicert.session",
    "voicert.models",
    "voicert.server.realtime",
    "voicert_codecs",
)
IO = {"asyncio", "socket", "http", "starlette", "uvicorn", "websockets"}
TRAINING = {"scripts", "nano", "tests"}  # top-level names under which nothing shipped may import
EXTRAS = {"torch", "torchaudio", "onnx", "onnxscript", "transformers", "safetensors", "livekit"} | {
    "pocketsphinx", "sentencepiece", "huggingface_hub",
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One imported name, as far as it can be a module: ``from a import b`` is ``a.b``."""

    target: str
    line: int
    at_load: bool  # runs when the importing module is loaded


def is_under(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def longest(name: str, packages: dict[str, set[str]]) -> str:
    return max((package for package in packages if is_under(name, package)), key=len)


def base_of(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The absolute name that a ``from`` import starts at."""
    if not node.level:
        return node.module or ""
    parents = module.split(".") if is_package else module.split(".")[:-1]
    parents = parents[: len(parents) - (node.level - 1)]
    return ".".join([*parents, *([node.module] if node.module else [])])


def targets(node: ast.AST, module: str, is_package: bool) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(names=names):
            return [f"{base_of(node, module, is_package)}.{alias.name}" for alias in names]
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            return [name]
        case _:
            return []


def is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_of(source: str, module: str, is_package: bool = False) -> list[Import]:
    def walk(node: ast.AST, at_load: bool) -> Iterator[Import]:
        for target in targets(node, module, is_package):
            yield Import(target, getattr(node, "lineno", 0), at_load)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_typing_only(node):
            at_load = False
        for child in ast.iter_child_nodes(node):
            yield from walk(child, at_load)

    return list(walk(ast.parse(source), True))


def read_sources(root: Path) -> dict[str, list[Import]]:
    """All imports of every module of the three packages."""
    found: dict[str, list[Import]] = {}
    for package, folder in SOURCES.items():
        for path in sorted((root / folder / package).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            found[module] = imports_of(path.read_text(encoding="utf-8"), module, is_package)
    return found


def wrong_directions(modules: dict[str, list[Import]]) -> list[str]:
    """Imports inside this project that MAY_IMPORT does not name."""
    wrong: list[str] = []
    for module, imports in modules.items():
        allowed = MAY_IMPORT[longest(module, MAY_IMPORT)]
        for item in imports:
            if item.target.split(".")[0] not in SOURCES or item.target == "voicert.__version__":
                continue
            if not any(is_under(item.target, name) for name in allowed):
                wrong.append(f"{module}:{item.line} imports {item.target}")
    return wrong


def imports_under(modules: dict[str, list[Import]], importers: tuple[str, ...], names: set[str]) -> list[str]:
    return [
        f"{module}:{item.line} imports {item.target}"
        for module, imports in modules.items()
        if any(is_under(module, importer) for importer in importers)
        for item in imports
        if item.target.split(".")[0] in names
    ]


def loaded_with(target: str, modules: dict[str, list[Import]]) -> set[str]:
    """The modules of this project that importing ``target`` loads directly: itself and its parents."""
    parts = target.split(".")
    return {".".join(parts[: n + 1]) for n in range(len(parts))} & modules.keys()


def torch_at_load(modules: dict[str, list[Import]]) -> dict[str, str]:
    """Modules that cannot be loaded by the plain install, with the reason for each."""
    needs: dict[str, str] = {
        module: f"line {item.line} imports {item.target}"
        for module, imports in modules.items()
        for item in imports
        if item.at_load and item.target.split(".")[0] in EXTRAS
    }
    grown = True
    while grown:
        grown = False
        for module, imports in modules.items():
            reached = {name for item in imports if item.at_load for name in loaded_with(item.target, modules)}
            if module not in needs and (through := reached & needs.keys()):
                needs[module] = f"it imports {', '.join(sorted(through))}"
                grown = True
    return needs


def test_imports_run_one_way() -> None:
    assert wrong_directions(read_sources(ROOT)) == []


def test_nothing_shipped_imports_training_code_or_tests() -> None:
    assert imports_under(read_sources(ROOT), tuple(SOURCES), TRAINING) == []


def test_the_core_does_no_io() -> None:
    assert imports_under(read_sources(ROOT), WITHOUT_IO, IO) == []


def test_the_plain_install_serves_without_torch() -> None:
    modules = read_sources(ROOT)
    needs = torch_at_load(modules)
    serving = ("voicert.cli", "voicert.server", "voicert.session", "voicert.engine", "voicert.bench")
    packages = ("voicert", "voicert.models", "voicert_codecs", "voicert_clients")
    wrong = {
        module: reason
        for module, reason in needs.items()
        if module in packages or any(is_under(module, name) for name in serving)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("voicert_codecs.nano", "import voicert"),
        ("voicert_codecs.nano", "from voicert.errors import VoicertError"),
        ("voicert_clients.terminal", "from voicert import server"),
        ("voicert.bench.client", "def f():\n    from voicert.session import events"),
        ("voicert.bench.client", "from ..models import load"),
        ("voicert.models.nano", "from ..engine import Engine"),
        ("voicert.engine.loop", "import importlib\nimportlib.import_module('voicert.session.vad')"),
        ("voicert.session.vad", "import typing\nif typing.TYPE_CHECKING:\n    import voicert.server"),
        ("voicert.server.app", "import voicert.bench"),
    ],
)
def test_a_wrong_direction_is_found(module: str, line: str) -> None:
    assert len(wrong_directions({module: imports_of(line, module)})) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("voicert_codecs.nano", "from . import base"),
        ("voicert.cli", "from voicert import __version__"),
        ("voicert.server.app", "from ..session.events import SpeechStarted"),
        ("voicert.bench.client", "from voicert_clients.playback import Player"),
    ],
)
def test_a_right_direction_is_allowed(module: str, line: str) -> None:
    assert wrong_directions({module: imports_of(line, module)}) == []


def test_torch_is_found_through_other_modules_but_not_inside_functions() -> None:
    sources = {
        "voicert.models": "def load():\n    from voicert.models import reference",
        "voicert.models.reference": "import torch",
        "voicert.engine.loop": "from voicert.models.reference import Model",
        "voicert.session.core": "from voicert.engine import loop",
        "voicert.session.vad": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    }
    modules = {name: imports_of(source, name) for name, source in sources.items()}
    assert torch_at_load(modules).keys() == {
        "voicert.models.reference",
        "voicert.engine.loop",
        "voicert.session.core",
    }
