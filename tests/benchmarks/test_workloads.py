"""Every workload at its tiniest, with real workers and its proofs, and that a wrong run is no figure."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from benchmarks import reference
from benchmarks.__main__ import SHOWN, WORKLOADS
from benchmarks.bench import Bench
from benchmarks.figures import BUFFERS, RATE, Figure, Sample
from benchmarks.peers.environments import RECIPES
from benchmarks.peers.peer import QUERIES as PEER_QUERIES
from benchmarks.peers.peer import SCHEMA as PEER_SCHEMA
from benchmarks.peers.peer import Peer, _done_at
from benchmarks.producer import SQL
from benchmarks.programs import Program, ProgramFailed, run
from benchmarks.server import QUERIES, BenchServer, serving
from benchmarks.sizes import TINY
from benchmarks.stall import Stalled, Watch, within
from benchmarks.system import Crew, Work, WrongRun, drained
from benchmarks.workloads import w1, w2, w3, w4, w5, w6, w7, w8, w9, w10
from core.db import catalogs
from core.db.checks import check_statements
from core.db.embedded import EmbeddedServer
from core.settings import PROJECT

pytestmark = pytest.mark.timeout(300)  # each starts real workers, on a machine that may be busy


@pytest.fixture
async def bench(server: EmbeddedServer) -> AsyncIterator[Bench]:
    """A tiny benchmark on the tests' server."""
    async with serving(server.dsn()) as serves:
        made = Bench(serves, TINY, lambda _: None)
        async with made.stack:
            yield made


def found(figures: list[Figure]) -> dict[tuple[str, str], float]:
    return {(each.variant, each.metric): each.median for each in figures}


async def test_drains_have_rates_and_costs(bench: Bench) -> None:
    figures = found([*await w1.run(bench), *await w5.run(bench)])
    assert {variant for variant, metric in figures if metric == RATE} == {
        *w1.VARIANTS.values(),
        *w1.WORKING.values(),
        w5.DISTINCT,
        w5.TWO,
        w5.HOT,
    }
    assert all(value > 0 for (_, metric), value in figures.items() if metric == RATE)
    for variant in ("1 worker", w5.DISTINCT):  # no order between them: a few hundred tasks are mostly full page images
        assert figures[variant, "WAL bytes per task"] > 500
    assert figures[w5.DISTINCT, "dead tuples per task"] >= 3  # claim, finish, cell


async def test_enqueues_are_counted_and_found(bench: Bench) -> None:
    figures = found(await w2.run(bench))
    assert figures[w2.variant(2, w2.BUSY), w2.INSERTS] > 0
    assert figures[w2.variant(1, w2.ASLEEP), w2.STATEMENT_MS] > 0
    assert figures["COPY", w2.INSERTS] > 0


async def test_probes_start_before_their_effect_is_seen(bench: Bench) -> None:
    figures = found(await w3.run(bench))
    for variant in (w3.IDLE, w3.LOADED):
        assert 0 < figures[variant, "start p50 ms"] < figures[variant, "effect p50 ms"]


async def test_a_steady_state_keeps_up_with_its_rate(bench: Bench) -> None:
    figures = found(await w4.run(bench))
    assert figures[w4.given(TINY.steady_rate), RATE] > TINY.steady_rate / 10
    assert figures[w4.MAXIMUM, RATE] > 0


async def test_sheets_fill_themselves_in(bench: Bench) -> None:
    figures = found(await w6.run(bench))
    assert figures["1 worker", w6.CELLS] > 0
    together, singly = figures["1 worker", "tasks per cell"], figures[w6.SINGLY, "tasks per cell"]
    assert together < 0.1, "a large statement is filled in by many cells a task"
    assert singly > 0.4, "small statements make a task of each cell"


async def test_a_pinned_horizon_stands_beside_its_unloaded_rate(bench: Bench) -> None:
    figures = found(await w7.run(bench))
    assert {w7.FREE, w7.PINNED} <= {variant for variant, metric in figures if metric == RATE}


async def test_growth_is_measured_before_the_crowd(bench: Bench) -> None:
    figures = found([*await w9.run(bench), *await w8.run(bench)])
    for rows in TINY.grown:
        assert figures[w9.variant(rows), BUFFERS] > 1
        assert figures[w9.variant(rows), "WAL bytes per task"] > 500
    assert figures[w8.CROWDED, RATE] > 0
    with pytest.raises(WrongRun, match="w9 comes before w8"):
        await w9.run(bench)


async def test_memory_is_that_of_the_worker(bench: Bench) -> None:
    figures = found(await w10.run(bench))
    assert 20 < figures[w10.variant(1), w10.IDLE] < 500


async def test_limits_by_hand_do_their_work(bench: Bench) -> None:
    figures = found(await reference.run(bench))
    assert all(figures[name, RATE] > 0 for name in (reference.CLAIM, reference.SET_BASED, reference.COPY))


# --- a wrong run is an error ---


DONE = """
insert into task_queue (task_type, payload, status, attempts, run_no, completed_at)
select 'bench.audited', jsonb_build_object('cell_id', n), 'completed', 1, 1, now() from generate_series(1, 3) n;
insert into robot_input_events (task_id, run_no, operator_type, success)
select id, run_no, task_type, true from task_queue;
insert into bench_cells (id, content) select n, 'v' || n from generate_series(1, 3) n;
insert into bench_cell_edits (cell_id, after, task_id)
select (payload ->> 'cell_id')::int, 'v' || (payload ->> 'cell_id'), id from task_queue
"""


@pytest.mark.parametrize(
    "damage",
    [
        "set rowmill.retaining = 'on'; delete from robot_input_events where run_no = 1",
        "update task_queue set attempts = 2 where id = (select id from task_queue limit 1)",
        "delete from bench_cell_edits where edit_no = (select min(edit_no) from bench_cell_edits)",
        "update bench_cells set content = 'somebody else' where id = 1",
    ],
)
async def test_a_run_that_is_wrong_is_no_figure(bench: Bench, damage: str) -> None:
    work, nobody = Work("audited", 3, 3), Crew([])
    async with bench.ours.fresh() as database, database.connect() as connection:
        await connection.execute(DONE)
        await bench.ours.prove(database, nobody, work)
        await connection.execute(damage)
        with pytest.raises(WrongRun):
            await bench.ours.prove(database, nobody, work)


async def test_a_worker_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match=r"(?s)a program ended with 3.*its last words"):
        await run(
            "a program", [sys.executable, "-c", "import sys; print('its last words', file=sys.stderr); sys.exit(3)"], {}
        )


# --- a run that gets nowhere ends ---


async def test_a_drain_without_workers_ends_with_a_sentence(bench: Bench) -> None:
    work, nobody = Work("noop", 3), Crew([])
    async with bench.ours.fresh() as database:
        await bench.ours.load(database, work)
        with pytest.raises(Stalled, match=r"no progress for 0\.3 s: 3 noop tasks are left, and no worker"):
            await drained(bench.ours, database, nobody, work, stall_s=0.3)


def test_a_count_that_changes_is_progress_and_one_that_stays_is_none() -> None:
    seconds = iter(range(0, 1000, 10))
    watch = Watch("cells are left", limit_s=30, clock=lambda: next(seconds))
    for count in (9, 8, 7, 6, 5, 5, 5):
        watch.saw(count)
    with pytest.raises(Stalled, match="no progress for 30 s: 5 cells are left"):
        watch.saw(5)


async def test_a_program_that_does_not_end_is_named() -> None:
    with pytest.raises(Stalled, match=r"a sleeper did not end within 0\.1 s"):
        async with within(0.1, "a sleeper did not end"):
            await asyncio.Event().wait()


# --- statements, peers, and the end ---


async def test_every_statement_of_the_benchmarks_fits(bench: Bench) -> None:
    async with bench.server.migrated() as database:
        await reference.prepare(database)
        async with database.connect() as connection:
            for catalog in (QUERIES, SQL, reference.QUERIES, catalogs.of_package("benchmarks.domain")):
                assert len(catalog) > 2
                await check_statements(connection, catalog)
    async with bench.server.empty() as database, database.connect() as connection:
        await connection.execute(PEER_SCHEMA.read_text(encoding="utf-8"))
        await check_statements(connection, PEER_QUERIES)


def test_what_a_peer_had_done_at_a_moment_is_taken_from_its_reports() -> None:
    reports = [{"first": 1.0, "done": 100, "at": 2.0}, {"first": 1.0, "done": 300, "at": 3.0}]
    program = Program("peer", None, Path("log"), reports)  # type: ignore[arg-type]
    assert [_done_at(program, moment) for moment in (0.5, 1.5, 2.5, 9.0)] == [0, 50, 200, 300]


def test_a_peer_is_a_system(server: EmbeddedServer) -> None:
    from benchmarks.peers.environments import HERE
    from benchmarks.system import System

    systems: list[System] = [Peer(BenchServer(server.dsn(), 18), recipe) for recipe in RECIPES]
    assert len({each.name for each in systems}) == 5
    for recipe in RECIPES:
        assert (HERE / f"{recipe.adapter}.{'mjs' if recipe.node else 'py'}").exists()


async def test_a_peers_wrong_run_costs_its_figure_and_is_told(bench: Bench) -> None:
    async def once() -> Sample:
        raise WrongRun("3 jobs were enqueued and 2 are there")

    bench.peers.append(Peer(bench.server, RECIPES[0]))
    assert await bench.measured("w2", RECIPES[0].name, "bulk", once) == []
    assert bench.problems == [f"w2 {RECIPES[0].name}, bulk: 3 jobs were enqueued and 2 are there"]
    with pytest.raises(WrongRun):
        await bench.measured("w2", bench.ours.name, "bulk", once)


def test_the_list_names_every_workload() -> None:
    assert ["reference", *(f"w{number}" for number in range(1, 11))] == SHOWN
    assert set(SHOWN) == set(WORKLOADS)


async def test_ctrl_c_leaves_neither_databases_nor_workers(server: EmbeddedServer, tmp_path: Path) -> None:
    own = EmbeddedServer(tmp_path / "pg", durable=False)
    with own:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks", "w10", "--json", "--quick", f"--dsn={own.dsn()}"),
            cwd=PROJECT,
            env=os.environ | {"ROWMILL_LOG_LEVEL": "error"},
            stdout=asyncio.subprocess.DEVNULL,
        )
        admin = await asyncpg.connect(own.dsn())
        workers = (
            "select count(*) from pg_stat_activity where application_name like 'rowmill %' and datname ~ '^bench_'"
        )
        async with asyncio.timeout(120):
            while await admin.fetchval(workers) < 3:  # noqa: ASYNC110 - another process starts them
                await asyncio.sleep(0.02)
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert await admin.fetchval(workers) == 0
        assert await admin.fetchval("select count(*) from pg_database where datname like 'bench_%'") == 0
        await admin.close()


async def test_an_unknown_workload_is_told_with_those_there_are() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks", "w11"), cwd=PROJECT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().startswith("bench: there is no workload 'w11'; there are: reference, w1")
