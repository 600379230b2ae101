"""Conditions of shapes. What a client sends is parsed into the small language below and written anew, never pasted.

    or, and, not · = <> != < > <= >= · is [not] null, true, false, unknown, distinct from · [not] in (…), between, like,
    ilike · = any (…) · && @> <@ · array […] · coalesce, lower, upper · 'text', 1.5, true, null, $1 · ::type

A column may be cast to text only, and like takes a text: then no row can make a condition fail later on. Subqueries,
other functions and what depends on the time of day are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from workers.turns.model.shapes import ALIAS, Condition, Layout, literal, quoted
from workers.turns.rules.tokens import Refused, Token, cut

COMPARE: Final = frozenset({"=", "<>", "!=", "<", ">", "<=", ">=", "&&", "@>", "<@"})
FUNCTIONS: Final = {"coalesce": (1, 20), "lower": (1, 1), "upper": (1, 1)}
TYPES: Final = frozenset(
    """text varchar char bpchar int integer int2 int4 int8 smallint bigint numeric decimal float4 float8 real boolean
    bool uuid date time timestamp timestamptz interval json jsonb bytea""".split()  # noqa: SIM905 - words, read as such
)
TIMES: Final = frozenset({"date", "time", "timetz", "timestamp", "timestamptz", "interval"})
_CLOCK: Final = re.compile(r"\b(now|today|tomorrow|yesterday)\b", re.IGNORECASE)
RESERVED: Final = frozenset(
    """and or not is in between like ilike any all some null true false unknown array select from where case when then
    else end exists distinct union cast""".split()  # noqa: SIM905 - the same
)
DEEPEST: Final = 60


def condition(text: str, params: Mapping[int, str], layout: Layout) -> Condition:
    """A checked condition on the rows of this table. Raises Refused."""
    parser = _Parser(cut(text), params, layout)
    sql = parser.whole()
    if parser.has_times and any(_CLOCK.search(each) for each in parser.texts):
        raise Refused("a condition may not depend on the time of day; write the time itself")
    return Condition(sql, frozenset(parser.columns))


def both(*conditions: Condition | None) -> Condition | None:
    """All of those that are there."""
    found = [each for each in conditions if each is not None]
    if not found:
        return None
    return Condition(" and ".join(each.sql for each in found), frozenset().union(*(each.columns for each in found)))


class _Parser:
    """Recursive descent in the precedence of PostgreSQL. Every method returns SQL of its own making."""

    def __init__(self, tokens: list[Token], params: Mapping[int, str], layout: Layout) -> None:
        self._tokens, self._params, self._layout = tokens, params, layout
        self._at = self._depth = 0
        self.columns: set[str] = set()
        self.texts: list[str] = []
        self.has_times = False

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._now
        self._at += token.kind != "end"
        return token

    def _took(self, *words: str) -> bool:
        """Goes on past these keywords or signs, if they all stand here."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if [each.word() or (each.text if each.kind == "sign" else "") for each in ahead] != list(words):
            return False
        self._at += len(words)
        return True

    def _need(self, sign: str) -> None:
        if not self._took(sign):
            raise self._error()

    def _error(self, token: Token | None = None) -> Refused:
        token = token or self._now
        return Refused(f'syntax error at or near "{token.written}"', token.at)

    def whole(self) -> str:
        sql = self._or()
        if self._now.kind != "end":
            raise self._error()
        return sql

    def _deeper(self, parse: Callable[[], str]) -> str:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"a condition is nested {DEEPEST} deep at most", self._now.at)
        sql = parse()
        self._depth -= 1
        return sql

    def _or(self) -> str:
        found = [self._and()]
        while self._took("or"):
            found.append(self._and())
        return found[0] if len(found) == 1 else f"({' or '.join(found)})"

    def _and(self) -> str:
        found = [self._not()]
        while self._took("and"):
            found.append(self._not())
        return found[0] if len(found) == 1 else f"({' and '.join(found)})"

    def _not(self) -> str:
        if self._took("not"):
            return f"(not {self._deeper(self._not)})"
        return self._is()

    def _is(self) -> str:
        sql = self._comparison()
        while self._took("is"):
            negated = "not " if self._took("not") else ""
            if self._took("distinct", "from"):
                sql = f"({sql} is {negated}distinct from {self._comparison()})"
                continue
            word = self._next()
            if word.word() not in {"null", "true", "false", "unknown"}:
                raise self._error(word)
            sql = f"({sql} is {negated}{word.word()})"
        return sql

    def _comparison(self) -> str:
        left = self._matching()
        token = self._now
        if token.kind != "sign" or token.text not in COMPARE:
            return left
        self._next()
        sign = "<>" if token.text == "!=" else token.text
        if self._took("any", "(") or self._took("some", "("):
            right = self._deeper(self._or)
            self._need(")")
            return f"({left} {sign} any ({right}))"
        return f"({left} {sign} {self._matching()})"

    def _matching(self) -> str:
        left = self._value()
        negated = "not " if self._now.word() == "not" and self._peek() in {"in", "between", "like", "ilike"} else ""
        if negated:
            self._next()
        if self._took("in"):
            return f"({left} {negated}in ({self._list('(', ')')}))"
        if self._took("between"):
            low = self._value()
            if not self._took("and"):
                raise self._error()
            return f"({left} {negated}between {low} and {self._value()})"
        for word in ("like", "ilike"):
            if self._took(word):
                return f"({left} {negated}{word} {self._pattern()})"
        return left

    def _peek(self) -> str:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)].word()

    def _list(self, opening: str, closing: str) -> str:
        self._need(opening)
        found = [self._deeper(self._or)]
        while self._took(","):
            found.append(self._deeper(self._or))
        self._need(closing)
        return ", ".join(found)

    def _pattern(self) -> str:
        token = self._next()
        if token.kind not in {"string", "param"}:
            raise Refused("like takes a text or a parameter", token.at)
        text = token.text if token.kind == "string" else self._param(token)
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise Refused("a pattern may not end in a single backslash", token.at)
        return literal(text)

    def _value(self) -> str:
        start = self._now
        sql = self._plain()
        while self._took("::"):
            sql = f"({sql})::{self._type(start)}"
        return sql

    def _type(self, start: Token) -> str:
        token = self._next()
        name = token.word()
        if name == "double" and self._took("precision"):
            name = "float8"
        if name not in TYPES:
            raise Refused(f"a condition may not cast to {token.written}", token.at)
        is_list = self._took("[", "]")
        if name != "text" and start.kind not in {"string", "number", "param"}:
            raise Refused("a column may be cast to text only", token.at)
        self.has_times |= name in TIMES
        return f"{name}[]" if is_list else name

    def _plain(self) -> str:
        token = self._next()
        if token.kind in {"string", "param"}:
            text = token.text if token.kind == "string" else self._param(token)
            self.texts.append(text)
            return literal(text)
        if token.kind == "number":
            return token.text
        if token.kind == "sign" and token.text in {"+", "-"} and self._now.kind == "number":
            return f"({token.text}{self._next().text})"
        if token.kind == "sign" and token.text == "(":
            sql = self._deeper(self._or)
            self._need(")")
            return sql
        return self._column(token, token.text) if token.kind == "quoted" else self._named(token)

    def _named(self, token: Token) -> str:
        word = token.word()
        if word in {"true", "false", "null"}:
            return word
        if word == "array" and self._now.text == "[":
            return f"array[{self._list('[', ']')}]"
        if word and self._now.kind == "sign" and self._now.text == "(":
            return self._call(token, word)
        if not word or word in RESERVED:
            raise self._error(token)
        return self._column(token, word, token.text)

    def _call(self, token: Token, word: str) -> str:
        if word not in FUNCTIONS:
            is_query = word in {"select", "exists"}
            raise Refused("subqueries are not supported" if is_query else f"unknown function {word}", token.at)
        start = self._at
        arguments = self._list("(", ")")
        low, high = FUNCTIONS[word]
        count = 1 + self._commas(start)
        if not low <= count <= high:
            raise Refused(f"{word} takes {high} argument{'s' if high > 1 else ''} at most", token.at)
        return f"{word}({arguments})"

    def _commas(self, start: int) -> int:
        """Commas of the list that began here, those inside it left out."""
        depth = found = 0
        for token in self._tokens[start : self._at]:
            if token.kind == "sign":
                depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
                found += token.text == "," and depth == 1
        return found

    def _param(self, token: Token) -> str:
        number = int(token.text)
        if number not in self._params:
            raise Refused(f"Parameter ${number} was not provided", token.at)
        return self._params[number]

    def _column(self, token: Token, *names: str) -> str:
        """A column of the table, by its own name or behind the table's."""
        if self._now.kind == "sign" and self._now.text == "." and self._layout.table in names:
            self._next()
            token = self._next()
            names = (token.text,) if token.kind == "quoted" else (token.word(), token.text)
        for name in names:
            found = self._layout.column(name)
            if found is not None:
                self.columns.add(found.name)
                self.has_times |= found.kind in TIMES
                return f"{ALIAS}.{quoted(found.name)}"
        raise Refused(f"unknown reference {names[0]}", token.at)
