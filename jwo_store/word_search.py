"""The lookup `words`: each word that is typed begins a word of the text, in any order and case.

`name__words="col exa"` finds `Example Cola`. PostgreSQL is asked with the index that `index` makes; SQLite compares
texts of a shop's size fast enough without. A word ends where a blank or one of `BETWEEN` stands, in both texts.
"""

from typing import Any

from django.db.models import CharField, Lookup

BETWEEN = "-/.,;:()[]&+*'\"_"


def words_of(text: str) -> list[str]:
    return text.translate(dict.fromkeys(map(ord, BETWEEN), " ")).split()


@CharField.register_lookup
class Words(Lookup):
    lookup_name = "words"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        asked = " & ".join("'{}':*".format(word.replace("\\", "\\\\")) for word in words_of(str(self.rhs)))
        return f"{_vector(column)} @@ to_tsquery('simple', %s)", [*params, asked]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        for sign in BETWEEN:
            column = f"replace({column}, '{sign.replace(chr(39), chr(39) * 2)}', ' ')"
        words = words_of(str(self.rhs)) or [""]
        likes = [f"' ' || {column} LIKE %s ESCAPE '\\'" for _ in words]
        patterns = [f"% {connection.ops.prep_for_like_query(word)}%" if word else "" for word in words]
        return f"({' AND '.join(likes)})", tuple(each for pattern in patterns for each in (*params, pattern))


def _vector(column: str) -> str:
    """The words of a text as PostgreSQL's index holds them."""
    signs = BETWEEN.replace("'", "''")
    return f"to_tsvector('simple', translate({column}, '{signs}', '{' ' * len(BETWEEN)}'))"


def index(name: str, table: str, column: str) -> str:
    """The statement that makes the index on PostgreSQL."""
    return f"CREATE INDEX {name} ON {table} USING gin ({_vector(column)})"
