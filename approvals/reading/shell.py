"""Shell commands and edits of files in a payload: which programs run, what a file becomes. Pure.

The commands are split as POSIX shells split them, in one pass: quotes, substitutions, pipelines,
here-documents. What decides at run time which program that is (a variable, a download into a shell)
is named in `shell.unclear`; nothing is taken for harmless.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html ·
https://code.claude.com/docs/en/hooks#pretooluse-input (November 2026)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from approvals.reading.shapes import listed, short
from approvals.reading.values import UNCLEAR, Leaf, Meaning, Part, Path, Reading

MAX_SHELL: Final = 8 * 1024
"""Characters of commands that are taken apart: about 10 ms (law 32)."""
MAX_EDIT: Final = 256 * 1024
"""Characters of an edit or patch that are compared line by line."""
MAX_DEPTH: Final = 8
"""Substitutions within substitutions, and shells that run a text within shells."""


def shell(reading: Reading) -> Meaning | None:
    """`shell.commands`: the programs, in their order, those of substitutions too; `shell.pieces`:
    each command with its words; `shell.unclear`: sentences on what shows only when it runs."""
    if reading.unclear is not None or reading.body.kind != "json":
        return None
    found = [*_found(reading.body.tree)] if _names(reading, _COMMANDS) else []
    if not found:
        return None
    pieces: list[_Piece] = []
    doubts: dict[str, None] = {}
    size = 0
    for _, given in found:
        size += len(given) if isinstance(given, str) else sum(map(len, given))
        if size > MAX_SHELL:
            doubts["It is too long to be taken apart."] = None
            break
        some, why = split(given) if isinstance(given, str) else _run([_Piece(words=given)], 0)
        pieces += some
        doubts |= dict.fromkeys(why)
    whole = size <= MAX_SHELL
    programs = [name for piece in pieces for name in piece.programs]
    tree = reading.body.tree
    tool = tree.get("tool_name") if isinstance(tree, dict) else None
    values = {
        "commands": programs if whole else UNCLEAR,
        "pieces": [" ".join(piece.words) for piece in pieces] if whole else UNCLEAR,
        "unclear": list(doubts),
    }
    inside = {
        path: Part(kind="shell", leaves=(Leaf((), given),))
        for path, given in found
        if isinstance(given, str)
    }
    head = short(tool, 30) if isinstance(tool, str) else "Shell"
    said = _says(pieces) if whole else "too long to be taken apart"
    return Meaning(name="shell", values=values, says=f"{head}: {said}", inside=inside)


def edit(reading: Reading) -> Meaning | None:
    """A change of files. `edit.path` (of one file), `edit.paths`, `edit.diff` (removed and added
    lines, with `-` and `+`), `edit.added` and `edit.removed` (counts of lines)."""
    if reading.unclear is not None or reading.body.kind != "json":
        return None
    if not _names(reading, _EDITS):
        return None
    for path, one in _objects(reading.body.tree):
        if isinstance(one, dict) and (found := _edited(path, one)) is not None:
            return found
    return None


@dataclass(slots=True)
class _Piece:
    """One command. `joined`: the operator before it."""

    words: list[str] = field(default_factory=list)
    joined: str = ""
    programs: list[str] = field(default_factory=list)


_KEYS: Final = frozenset(("cmd", "script", "shell_command", "bash", "commands", "run_command"))
_CALLS: Final = ("tool_input", "arguments", "input", "params", "parameters", "args")
_SHELLS: Final = frozenset(("sh", "bash", "zsh", "dash", "ksh", "fish", "ash"))
_INTERPRETERS: Final = _SHELLS | {"python", "python3", "perl", "ruby", "node", "php", "psql"}
_BEFORE: Final = frozenset(("if", "then", "elif", "else", "while", "until", "do", "!", "{", "time"))
"""Words behind which a command begins."""
_AFTER: Final = frozenset(("fi", "done", "esac", "}", "for", "case", "select", "function", "in"))
"""Words of the shell's own with which a piece begins that runs no program itself."""
_WRAPPERS: Final[Mapping[str, str]] = {
    "sudo": "ughpCrtTU", "doas": "uC", "env": "uCS", "xargs": "nIPLsEda", "nice": "n",
    "timeout": "sk", "nohup": "", "exec": "a", "command": "", "setsid": "", "coproc": "",
    "builtin": "", "busybox": "", "watch": "n", "stdbuf": "ioe", "ionice": "cn", "chroot": "",
}  # fmt: skip
"""Programs that run the one behind them, and their options that take a word."""
_RUNS: Final = ("-exec", "-execdir", "-ok", "-okdir")
_LOOKS: Final = re.compile(r"[\s;|&<>`$]")
_EDITS: Final = frozenset(
    ("new_string", "new_str", "old_string", "old_str", "content", "file_text", "patch", "diff")
)
_COMMANDS: Final = _KEYS | {"command"}


def _names(reading: Reading, keys: frozenset[str]) -> bool:
    """Does a value, or a list of words, stand under one of these names?"""
    last = {step for leaf in reading.body.leaves for step in leaf.path[-2:]}
    return any(isinstance(step, str) and step.lower() in keys for step in last)


def _objects(tree: Any) -> Iterator[tuple[Path, Any]]:
    stack: list[tuple[Path, Any]] = [((), tree)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            yield path, value
            stack += [((*path, key), one) for key, one in reversed(value.items())]
        elif isinstance(value, list):
            stack += [((*path, at), one) for at, one in reversed([*enumerate(value)])]


def _found(tree: Any) -> Iterator[tuple[Path, str | list[str]]]:
    """The commands of a payload: texts, or words that are given one by one."""
    for path, fields in _objects(tree):
        for key, value in fields.items():
            name = str(key).lower()
            if name not in _COMMANDS:
                continue
            if _words_of(value):
                yield (*path, key), [*value]
            elif isinstance(value, str) and value.strip():
                called = bool(path) and path[-1] in _CALLS
                if name == "command" and _words_of(fields.get("args")):
                    yield (*path, key), [value, *fields["args"]]
                elif called or name in _KEYS or _LOOKS.search(value):
                    yield (*path, key), value


def _words_of(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def split(text: str, depth: int = 0) -> tuple[list[_Piece], list[str]]:
    """The commands of a text, and what cannot be told. Never raises; one pass."""
    pieces, doubts = _Scanner(text).scan()
    found, more = _run(pieces, depth)
    return found, doubts + more


def _run(pieces: Sequence[_Piece], depth: int) -> tuple[list[_Piece], list[str]]:
    found: list[_Piece] = []
    doubts: list[str] = []
    for piece in pieces:
        inner, why = _programs(piece, depth)
        found += [piece, *inner]
        doubts += why
    return found, doubts


def _programs(piece: _Piece, depth: int) -> tuple[list[_Piece], list[str]]:
    """Names the programs of a command; what a shell in it is told to run comes after it."""
    doubts: list[str] = []
    inner: list[_Piece] = []
    words = [*piece.words]
    options = ""
    while words:
        word = words.pop(0)
        if word in _BEFORE or re.match(r"[A-Za-z_]\w*\+?=", word):
            continue
        if word in _AFTER and not piece.programs:
            break
        if piece.programs and re.fullmatch(r"-.*|[0-9.]+[smhd]?", word, re.DOTALL):
            if len(word) == 2 and word[0] == "-" and word[1] in options and words:
                words.pop(0)
            continue
        name = word.rsplit("/", 1)[-1]
        piece.programs.append(short(name, 60))
        if "$" in word or "`" in word:
            doubts.append(f"Which program `{short(word, 40)}` is becomes known only when it runs.")
        if name in ("eval", "source", "."):
            doubts.append(f"`{name}` runs text that is not all shown here.")
        if name in _INTERPRETERS:
            if piece.joined == "|" and all(one.startswith("-") for one in words):
                doubts.append(f"`{name}` runs what another program prints.")
            flags = [at for at, one in enumerate(words) if re.fullmatch(r"-[a-z]*c", one)]
            if name in _SHELLS and flags and flags[0] + 1 < len(words):
                if depth >= MAX_DEPTH:
                    doubts.append("It runs shells within shells, too many to follow.")
                else:
                    inner, why = split(words[flags[0] + 1], depth + 1)
                    doubts += why
        if name not in _WRAPPERS:
            run = [words[at + 1] for at, one in enumerate(words[:-1]) if one in _RUNS]
            piece.programs += [short(one.rsplit("/", 1)[-1], 60) for one in run]
            break
        options = _WRAPPERS[name]
    return inner, doubts


class _Frame:
    """A list of commands that ends where its substitution ends."""

    def __init__(self, end: str) -> None:
        self.end = end
        self.pieces = [_Piece()]
        self.word: list[str] | None = None
        self.quoted = False

    def add(self, text: str) -> None:
        if self.word is None:
            self.word = []
        self.word.append(text)

    def close_word(self) -> None:
        if self.word is not None:
            self.pieces[-1].words.append("".join(self.word))
        self.word = None

    def sign(self, text: str) -> None:
        """A word that stands by itself."""
        self.close_word()
        self.add(text)
        self.close_word()

    def close_piece(self, joined: str) -> None:
        self.close_word()
        if self.pieces[-1].words:
            self.pieces.append(_Piece(joined=joined))
        elif joined != "\n" or not self.pieces[-1].joined:
            self.pieces[-1].joined = joined


class _Scanner:
    """One pass over a text. Substitutions are frames on a stack; their commands come first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.frames = [_Frame("")]
        self.done: list[_Piece] = []
        self.doubts: dict[str, None] = {}
        self.documents: list[tuple[str, bool, bool]] = []

    def scan(self) -> tuple[list[_Piece], list[str]]:
        while self.at < len(self.text):
            frame = self.frames[-1]
            plain = (_QUOTED if frame.quoted else _PLAIN).match(self.text, self.at)
            if plain is not None:
                frame.add(plain[0])
                self.at = plain.end()
            elif frame.quoted:
                self._in_quotes(frame)
            else:
                self._outside(frame)
        if len(self.frames) > 1 or self.frames[0].quoted:
            self.doubts["A quote or parenthesis of it is not closed."] = None
        while self.frames:
            self._pop()
        return [piece for piece in self.done if piece.words], list(self.doubts)

    def _pop(self) -> None:
        frame = self.frames.pop()
        frame.close_word()
        self.done += frame.pieces

    def _next(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _opened(self, frame: _Frame) -> bool:
        """A substitution that begins here."""
        if (sum_ := _SUM.match(self.text, self.at)) is not None:
            frame.add(sum_[0])
            self.at = sum_.end()
            return True
        if not self._next("$("):
            if self.text[self.at] != "`":
                return False
            self.at += 1
            if frame.end == "`":
                self._pop()
                return True
            return self._push(frame, "`")
        return self._push(frame, ")")

    def _push(self, frame: _Frame, end: str) -> bool:
        self.doubts["It puts what a command prints into another command."] = None
        frame.add("$(…)")
        if len(self.frames) > MAX_DEPTH:
            self.doubts["Its substitutions are nested too deeply to be followed."] = None
        else:
            self.frames.append(_Frame(end))
        return True

    def _in_quotes(self, frame: _Frame) -> None:
        if self._opened(frame):
            return
        char = self.text[self.at]
        self.at += 1
        if char == '"':
            frame.quoted = False
        elif char == "\\" and self.at < len(self.text):
            follows = self.text[self.at]
            self.at += 1
            frame.add("" if follows == "\n" else follows if follows in '$`"\\' else char + follows)
        else:
            frame.add(char)

    def _outside(self, frame: _Frame) -> None:
        if self._opened(frame):
            return
        char = self.text[self.at]
        self.at += 1
        match char:
            case " " | "\t" | "\r":
                frame.close_word()
            case "#" if frame.word is None:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            case "'":
                end = self.text.find("'", self.at)
                if end < 0:
                    self.doubts["A quote or parenthesis of it is not closed."] = None
                    end = len(self.text)
                frame.add(self.text[self.at : end])
                self.at = end + 1
            case '"':
                frame.add("")
                frame.quoted = True
            case "\\":
                if not self._next("\n"):
                    frame.add(self.text[self.at : self.at + 1])
                    self.at += 1
            case "\n":
                frame.close_piece("\n")
                self._documents()
            case ")" if frame.end == ")":
                self._pop()
            case "<" | ">" if self._next("("):
                self._push(frame, ")")
            case "<" if self._next("<"):
                self._document(frame)
            case "<" | ">":
                mark = next((one for one in (char, "&", "|") if self._next(one)), "")
                if mark == "&":
                    frame.close_word()
                    frame.add(char + mark)
                else:
                    frame.sign(char + mark)
            case "&" if self._next(">"):
                frame.sign("&>")
            case ";" | "|" | "&" | "(" | ")":
                double = char in "|&;" and self._next(char)
                if char == "|" and not double:
                    self._next("&")
                frame.close_piece(char * 2 if double else "\n" if char in ";()" else char)
            case _:
                if char == "$" and self._next("'"):
                    self.doubts["It writes characters as escapes ($'…')."] = None
                    self.at -= 1
                frame.add(char)

    def _document(self, frame: _Frame) -> None:
        if self._next("<"):
            frame.sign("<<<")
            return
        dash = self._next("-")
        found = _DELIMITER.match(self.text, self.at)
        if found is None:
            self.doubts["It is unclear where its here-document ends."] = None
            return
        self.at = found.end()
        quoted = found[1] is not None or found[2] is not None
        word = next(one for one in found.groups() if one is not None)
        self.documents.append((word, quoted, dash))
        frame.sign(f"<<{word}")

    def _documents(self) -> None:
        """What stands between the lines of commands is data, unless it holds substitutions."""
        for word, quoted, dash in self.documents:
            begin = self.at
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = min(end + 1, len(self.text))
                if (line.lstrip("\t") if dash else line) == word:
                    break
            else:
                self.doubts["It is unclear where its here-document ends."] = None
            held = self.text[begin : self.at]
            if not quoted and ("$(" in held or "`" in held):
                self.doubts["Its here-document runs commands."] = None
            self.doubts["It passes text of its own to a command (a here-document)."] = None
        self.documents = []


_PLAIN: Final = re.compile(r"[^\s\"'\\`$#;|&()<>]+|(?<=[^\s;|&()])#|[^\S \t\r\n]+")
_SUM: Final = re.compile(r"\$\(\([^()`$]*\)\)")
_QUOTED: Final = re.compile(r"[^\"\\`$]+")
_DELIMITER: Final = re.compile(r"[ \t]*(?:'([^'\n]*)'|\"([^\"\n$`\\]*)\"|([A-Za-z0-9_.-]+))")


def _says(pieces: Sequence[_Piece]) -> str:
    said = ""
    for at, piece in enumerate(pieces):
        words = _brief(piece)
        joint = f" {piece.joined} " if piece.joined in ("|", "||", "&&", "&") else "; "
        if said and len(said) + len(words) > 160:
            rest = dict.fromkeys(name for one in pieces[at:] for name in one.programs)
            return f"{said}; and {len(pieces) - at} more ({listed(list(rest), 80)})"
        said = f"{said}{joint}{words}" if said else words
    return said


def _brief(piece: _Piece) -> str:
    """Its first word and what fits; `find … -delete`."""
    words = [short(word, 60) for word in piece.words]
    whole = " ".join(words)
    if len(whole) <= 24 or len(words) == 1:
        return short(whole, 60)
    return f"{words[0]} … {words[-1]}" if len(words[-1]) <= 12 else f"{words[0]} …"


def _edited(path: Path, one: Mapping[str, Any]) -> Meaning | None:
    name = next((one[key] for key in _PATHS if isinstance(one.get(key), str)), None)
    edits = one.get("edits")
    pairs: list[tuple[Path, Any, Any]] = []
    if "new_string" in one or "new_str" in one:
        pairs.append((path, *_pair(one)))
    elif isinstance(edits, list) and edits and all(isinstance(part, dict) for part in edits):
        pairs += [((*path, "edits", at), *_pair(part)) for at, part in enumerate(edits)]
    elif name is not None and isinstance(one.get("content", one.get("file_text")), str):
        key = "content" if "content" in one else "file_text"
        return _written(path, key, name, one[key])
    for key in ("patch", "diff"):
        if isinstance(one.get(key), str) and _PATCH.search(one[key]):
            return _patched((*path, key), one[key])
    if name is None or not pairs:
        return None
    size = sum(len(str(old)) + len(str(new)) for _, old, new in pairs)
    texts = all(isinstance(text, str) for _, *both in pairs for text in both)
    if size > MAX_EDIT or not texts:
        unknown = dict.fromkeys(("diff", "added", "removed"), UNCLEAR)
        return Meaning(name="edit", values={"path": name, "paths": [name], **unknown})
    diffs = [_diff(old, new) for _, old, new in pairs]
    inside: dict[Path, Part] = {}
    for (at, _, new), changed in zip(pairs, diffs, strict=True):
        for key in ("new_string", "new_str"):
            inside[(*at, key)] = Part(kind="diff", leaves=(Leaf((), changed or new),))
    diff = "\n".join(diffs)
    added, removed = _counts(diff)
    values = {"path": name, "paths": [name], "diff": diff, "added": added, "removed": removed}
    says = f"Edit {short(name, 90)}: {removed} lines removed, {added} added"
    return Meaning(name="edit", values=values, says=says, inside=inside)


_PATHS: Final = ("file_path", "notebook_path", "path", "filename")
_PATCH: Final = re.compile(
    r"(?m)^(?:diff --git |--- |\+\+\+ |@@ |\*\*\* (?:Update|Add|Delete) File: )"
)
_NAMES: Final = re.compile(
    r"(?m)^(?:(?:\+\+\+|---) (?:[ab]/)?([^\t\n]+)|rename (?:from|to) ([^\n]+)"
    r"|\*\*\* (?:Update File|Add File|Delete File|Move to): ([^\n]+)"
    r"|diff --git a/[^\n]+ b/([^\n]+))"
)


def _pair(one: Mapping[str, Any]) -> tuple[Any, Any]:
    return one.get("old_string", one.get("old_str")), one.get("new_string", one.get("new_str"))


def _diff(old: str, new: str) -> str:
    """Removed and added lines between those that stay, in linear time."""
    before, after = old.splitlines(), new.splitlines()
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    most = min(len(before), len(after)) - head
    while tail < most and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    lines = [f" {line}" for line in before[:head]]
    lines += [f"-{line}" for line in before[head : len(before) - tail]]
    lines += [f"+{line}" for line in after[head : len(after) - tail]]
    lines += [f" {line}" for line in before[len(before) - tail :]]
    return "\n".join(lines)


def _counts(diff: str) -> tuple[int, int]:
    lines = diff.splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    return added, sum(line.startswith("-") and not line.startswith("--- ") for line in lines)


def _written(path: Path, key: str, name: str, text: str) -> Meaning:
    count = text.count("\n") + (not text.endswith("\n")) if text else 0
    small = len(text) <= MAX_EDIT
    diff = "\n".join(f"+{line}" for line in text.splitlines()) if small else UNCLEAR
    values = {"path": name, "paths": [name], "diff": diff, "added": count, "removed": UNCLEAR}
    inside = {(*path, key): Part(kind="text", leaves=(Leaf((), text),) if text else ())}
    says = f"Write {short(name, 90)}, {count} lines"
    return Meaning(name="edit", values=values, says=says, inside=inside)


def _patched(path: Path, text: str) -> Meaning:
    inside = {path: Part(kind="diff", leaves=(Leaf((), text),))}
    if len(text) > MAX_EDIT:
        unknown = dict.fromkeys(("path", "paths", "diff", "added", "removed"), UNCLEAR)
        return Meaning(name="edit", values=unknown, inside=inside)
    found = ("".join(groups).strip() for groups in _NAMES.findall(text))
    paths = list(dict.fromkeys(name for name in found if name != "/dev/null"))
    added, removed = _counts(text)
    values = {
        "path": paths[0] if len(paths) == 1 else UNCLEAR,
        "paths": paths,
        "diff": text,
        "added": added,
        "removed": removed,
    }
    files = f"{len(paths)} files: " if len(paths) != 1 else ""
    shown = listed([short(name) for name in paths], 120)
    says = f"Patch {files}{shown}: {removed} lines removed, {added} added"
    return Meaning(name="edit", values=values, says=says, inside=inside)
