"""SQL inside JSON: which statements, on which tables, and whether they destroy."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from approvals.model import Http
from approvals.reading import UNCLEAR, Leaf, Part, find, read
from approvals.reading.sql import MAX_SQL
from tests.reading.made import known, meaning, post, recorded

DATABASE = "https://db.example.com/query"
BIGQUERY = "https://bigquery.googleapis.com/bigquery/v2/projects/acme/jobs"


def values(text: str, url: str = DATABASE) -> Mapping[str, Any]:
    return meaning(post(url, {"sql": text}), "sql").values


def test_a_statement_to_snowflake_says_what_it_deletes_and_drops() -> None:
    reading = read(recorded("sql-snowflake"))
    found = meaning(reading, "sql")
    assert found.says == "DELETE from PROD.PUBLIC.ORDERS; DROP TABLE PROD.PUBLIC.ORDERS_BACKUP"
    assert find(reading, "sql.statements") == [
        {"verb": "DELETE", "tables": ["PROD.PUBLIC.ORDERS", "PROD.PUBLIC.CUSTOMERS"],
         "where": True},
        {"verb": "DROP", "tables": ["PROD.PUBLIC.ORDERS_BACKUP"], "where": None},
    ]  # fmt: skip
    assert find(reading, "sql.verbs") == ["DELETE", "DROP"]
    assert find(reading, "sql.destructive") is True


def test_the_text_is_shown_with_its_line_ends() -> None:
    leaf = next(leaf for leaf in read(recorded("sql-snowflake")).body.leaves if leaf.path)
    assert isinstance(leaf, Leaf)
    assert isinstance(leaf.inside, Part)
    assert leaf.inside.kind == "sql"
    (inner,) = leaf.inside.leaves
    assert isinstance(inner, Leaf)
    assert str(inner.value).count("\n") == 3


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE x", "-- x\nDROP TABLE x", "/* hi */ DROP TABLE x", "((DROP TABLE x",
        "drop table x",
        "TRUNCATE TABLE t", "DELETE FROM t", "DELETE FROM t WHERE 1=1", "DELETE FROM t WHERE TRUE",
        "DELETE FROM t WHERE a=1 OR 1=1", "UPDATE t SET a=1", "UPDATE t SET a=1 WHERE (b=b)",
        "ALTER TABLE t ADD c INT", "GRANT SELECT ON t TO u", "REVOKE ALL ON t FROM u", "CALL f(1)",
        "CREATE USER x", "CREATE OR REPLACE TABLE t AS SELECT 1", "CREATE FUNCTION f() AS 'x'",
        "COPY INTO 's3://x/y' FROM t", "COPY INTO @stage FROM t", "COPY t TO PROGRAM 'sh'",
        "EXECUTE IMMEDIATE 'DROP TABLE x'", "EXEC sp_who", "DO $$ BEGIN DROP TABLE x; END $$",
        "MERGE INTO t USING s ON t.a=s.a WHEN MATCHED THEN DELETE",
        "INSERT OVERWRITE TABLE t SELECT 1",
        "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "SELECT 1 DELETE FROM x",
        "WITH d AS (SELECT 1) DELETE FROM t", "EXPLAIN ANALYZE DELETE FROM t",
        "SELECT pg_terminate_backend(10)", "SELECT dblink_exec('x', 'DROP TABLE y')",
        "SELECT * FROM t INTO OUTFILE '/x'", "REPLACE INTO t VALUES (1)", "USE ROLE ACCOUNTADMIN",
        "SET ROLE admin", "UNDROP TABLE t", "KILL 5", "SELECT 1; DROP TABLE x", "SHUTDOWN",
        "garble x",
        "SELECT (" + "(" * 300, "SELECT 'unclosed", "LOAD DATA INFILE 'x' INTO TABLE t",
        "BEGIN DELETE FROM t WHERE a=1", "SELECT 1 FROM t WHERE a = 'b' UPDATE t SET c = 2",
    ],
)  # fmt: skip
def test_sql_that_destroys_or_is_not_understood_is_destructive(text: str) -> None:
    assert values(text)["destructive"] is True
    assert values(text)["reads"] is False


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t WHERE x = 1", "SELECT count(*), max(b) FROM t GROUP BY a", "SHOW TABLES",
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x JOIN t ON t.a = x.a", "EXPLAIN SELECT a FROM t",
        "SELECT 'DROP TABLE x; DELETE FROM y' AS words FROM t", "DESCRIBE t",
        "SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1 LIMIT 5;", "SELECT a -- DROP\nFROM t",
    ],
)  # fmt: skip
def test_a_query_reads(text: str) -> None:
    assert (values(text)["destructive"], values(text)["reads"]) == (False, True)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t (a) VALUES (1)", "DELETE FROM t WHERE id = 3",
        "UPDATE t SET a = 1 WHERE b = 2",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1", "SELECT my_fn(1) FROM t",
        "CREATE TABLE a AS SELECT * FROM b", "BEGIN; UPDATE t SET a = 1 WHERE id = 2; COMMIT",
        "SELECT * FROM t FOR UPDATE", "SELECT * INTO x FROM y", "COPY INTO t FROM 's3://x/y'",
    ],
)  # fmt: skip
def test_sql_that_writes_neither_reads_nor_counts_as_destructive(text: str) -> None:
    assert (values(text)["destructive"], values(text)["reads"]) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 /*! DROP TABLE x */", "SELECT 1 /*!50000 ; DROP TABLE x */", "SELECT 1 /*M! x */",
        "SELECT '\\'; DROP TABLE x; -- '", "select /* /* */ 1; drop table x; /* */ */",
        "SELECT $$ a; DROP TABLE x; $$", "SELECT 1 FROM t; -- " + "x" * MAX_SQL,
    ],
)  # fmt: skip
def test_sql_that_dialects_read_differently_is_unclear_and_destructive(text: str) -> None:
    found = values(text)
    assert found["statements"] is UNCLEAR
    assert found["tables"] is UNCLEAR
    assert found["destructive"] is True
    assert "cannot be read for certain" in str(meaning(post(DATABASE, {"sql": text}), "sql").says)


def test_unclear_sql_still_names_the_words_that_destroy() -> None:
    says = meaning(post(DATABASE, {"sql": "SELECT '\\'; DROP TABLE x; -- '"}), "sql").says
    assert says == "SQL that cannot be read for certain: SELECT … (holds DROP)"


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (BIGQUERY,
         {"configuration": {"query": {"query": "DROP TABLE a.b"}}}),
        (BIGQUERY.replace("jobs", "queries"), {"query": "/* x */ DROP TABLE `a.b`"}),
        ("https://dbc-1.cloud.databricks.com/api/2.0/sql/statements",
         {"warehouse_id": "w", "statement": "DROP TABLE a.b"}),
        ("https://x.snowflakecomputing.com/queries/v1/query-request",
         {"sqlText": "drop table a.b"}),
        ("https://redshift-data.us-east-1.amazonaws.com/", {"Sqls": ["SELECT 1", "DROP TABLE a"]}),
        ("https://mcp.example.com/mcp",
         {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
          "params": {"name": "run", "arguments": {"query": "DROP TABLE users"}}}),
        (DATABASE, {"query": "update users set admin = true"}),
        (DATABASE, {"SQL": "DROP TABLE x"}),
    ],
)  # fmt: skip
def test_sql_is_found_where_apis_put_it(url: str, body: Any) -> None:
    assert meaning(post(url, body), "sql").values["destructive"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"query": "select shoes"}, {"query": "drop shipping"}, {"q": "update on project X"},
        {"query": "show me the money"}, {"query": "query { viewer { login } }"},
        {"query": {"a": 1}},
        {"statement": "I agree"}, {"sql": ""}, {"command": "ls -la"}, {"text": "DROP TABLE x"},
        {"query": "with love"}, {"query": "mutation { a }"},
    ],
)  # fmt: skip
def test_searches_and_other_texts_are_no_sql(body: Any) -> None:
    assert "sql" not in known(post(DATABASE, body))


def test_nothing_of_a_statement_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        values("CREATE USER x PASSWORD 'hunter2'")
    assert "hunter2" not in caplog.text


def test_many_texts_in_one_request_are_not_taken_for_all() -> None:
    request = post(DATABASE, {"sqls": [f"SELECT {n} FROM t" for n in range(30)]})
    assert meaning(request, "sql").values["statements"] is UNCLEAR
    assert isinstance(request, Http)


def test_a_bare_statement_to_trino_is_read() -> None:
    kind = (("content-type", "text/plain"),)
    request = post("https://trino.example.com/v1/statement", b"DROP TABLE hive.a.b", kind)
    assert meaning(request, "sql").says == "DROP TABLE hive.a.b"
    assert "sql" not in known(post("https://a.example.com/v1/other", b"DROP TABLE b", ()))
