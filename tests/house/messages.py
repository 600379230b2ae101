"""Every message of an error that the programs print, found in the code: what stands in its place is `…`.

`python -m tests.house.messages` prints the entries that docs/troubleshooting.md lacks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from core.cli import sentences
from core.settings import PROJECT

ROOMS = ("core", "workers", "demo")
DOCUMENT = PROJECT / "docs" / "troubleshooting.md"
ENTRY = re.compile(r"^- \*\*(?P<message>.+?)\*\*", re.MULTILINE)
SQL_RAISE = re.compile(r"raise exception\s+'(?P<message>(?:[^']|'')*)'", re.IGNORECASE)
LONG_ENOUGH = 10
OTHERS = {  # what is printed there as well: refused settings and options, the end of run.py
    "core/settings.py": {"ValueError"},
    "core/cli/filters.py": {"ValueError"},
    "run.py": {"exit"},
}


def entries() -> list[str]:
    """The messages that have an entry."""
    return [found["message"] for found in ENTRY.finditer(DOCUMENT.read_text(encoding="utf-8"))]


def messages() -> dict[str, str]:
    """Where each message of the code is raised, by message."""
    found: dict[str, str] = {}
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in _files()}
    ours = _our_errors(trees.values())
    for file, tree in trees.items():
        printed = ours | OTHERS.get(str(file.relative_to(PROJECT)), set())
        for line, message in _raised(tree, printed):
            found.setdefault(message, f"{file.relative_to(PROJECT)}:{line}")
    found |= dict.fromkeys(_sentences(), "core/cli/sentences.py")
    for file in sorted(file for room in ("sql", "workers") for file in (PROJECT / room).rglob("*.sql")):
        for each in SQL_RAISE.finditer(file.read_text(encoding="utf-8")):
            found.setdefault(
                shown(each["message"].replace("''", "'").replace("%", "…")), str(file.relative_to(PROJECT))
            )
    return found


def _files() -> list[Path]:
    return [PROJECT / "run.py", *(file for room in ROOMS for file in sorted((PROJECT / room).rglob("*.py")))]


def _our_errors(trees: Iterable[ast.Module]) -> set[str]:
    """Names of the classes that derive from RowmillError, in any number of steps."""
    bases = {
        node.name: {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    ours = {"RowmillError"}
    while more := {name for name, of in bases.items() if of & ours} - ours:
        ours |= more
    return ours


def _raised(tree: ast.Module, ours: set[str]) -> Iterator[tuple[int, str]]:
    """Calls such as `RowmillError("…")` or `RowmillError(BUSY)`, with their lines."""
    named = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ours and (message := _text(node.args[0], named)):
                yield node.lineno, shown(message)


def _constants(tree: ast.Module) -> dict[str, str]:
    """Texts that the module has given a name."""
    return {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _text(node: ast.expr, named: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return named.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        found = _text(node.func.value, named)
        return found and re.sub(r"\{\w*\}", "…", found)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text(node.left, named) or "…") + (_text(node.right, named) or "…")
    return None


def _sentences() -> Iterator[str]:
    for each in (*sentences.SENTENCES.values(), *sentences.REFUSALS.values()):
        yield shown(each.replace("{}", "…"))


def shown(message: str) -> str:
    """One line."""
    return " ".join(message.split()).replace("……", "…")


def wanted() -> dict[str, str]:
    """The messages that need an entry: those that say something of their own."""
    return {message: where for message, where in messages().items() if len(message.replace("…", "")) >= LONG_ENOUGH}


if __name__ == "__main__":
    there = set(entries()) if DOCUMENT.exists() else set()
    for message, where in wanted().items():
        if message not in there:
            print(f"- **{message}**\n  {where}\n")
