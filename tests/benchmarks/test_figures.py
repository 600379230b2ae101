"""Statistics of the benchmarks: medians, percentiles, noise, goals, and who is ahead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import cpu, document, reference
from benchmarks.figures import OURS, RATE, REFERENCE, Figure, Figures, Sample, figures_of, from_json, number, percentile
from benchmarks.goals import goals, leads, ratio
from benchmarks.workloads import w1, w3, w5


def rate(system: str, workload: str, variant: str, *values: float, noise: float = 0.0) -> Figure:
    return Figure(workload, system, variant, RATE, values, (noise,))


FAST = Figures(
    [
        rate(OURS, "w5", w5.DISTINCT, 19_000, 20_000, 23_000),
        rate("pg-boss", "w5", w5.DISTINCT, 5_000),
        rate("pgqueuer", "w5", w5.DISTINCT, 3_000),
        rate(REFERENCE, reference.NAME, reference.SET_BASED, 50_000),
        rate(OURS, "w1", w1.VARIANTS[1], 40_000, noise=0.5),
        rate("graphile-worker", "w1", w1.VARIANTS[1], 60_000),
        Figure("w3", OURS, w3.IDLE, "start p99 ms", (5.0,)),
        Figure("w3", "pgqueuer", w3.IDLE, "start p99 ms", (4.0,)),
    ]
)


def test_a_figure_is_the_median_with_its_spread() -> None:
    samples = [Sample({RATE: value}, foreign) for value, foreign in ((3.0, 0.01), (1.0, 0.2), (2.0, None))]
    (figure,) = figures_of("w1", OURS, "1 worker", samples)
    assert (figure.low, figure.median, figure.high) == (1.0, 2.0, 3.0)
    assert (figure.noise, figure.noisy) == (0.2, True)
    assert from_json(json.loads(json.dumps(figure.as_json()))).median == figure.median


def test_without_a_view_of_the_processors_nothing_is_called_noisy() -> None:
    (figure,) = figures_of("w1", OURS, "1 worker", [Sample({RATE: 1.0})])
    assert (figure.noise, figure.noisy) == (None, False)


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 51), (0.99, 100), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, wanted: int) -> None:
    assert percentile(range(1, 101), share) == wanted


def test_a_goal_is_a_ratio_within_one_run() -> None:
    found = {each.text: each for each in goals(FAST)}
    assert found["W5 audited, of the fastest peer"].found == 4.0
    assert found["W5 audited, of the fastest peer"].reached is True
    assert found["W5 audited, of the set-based limit by hand"].found == 0.4
    assert found["W1 one worker, of the fastest Python peer"].reached is None  # none was measured
    assert found["W3 idle worker, start p99 ms"].reached is True


def test_a_goal_that_is_missed_says_so() -> None:
    slow = Figures([rate(OURS, "w5", w5.DISTINCT, 10_000), rate("pg-boss", "w5", w5.DISTINCT, 5_000)])
    assert [each.reached for each in goals(slow) if each.text == "W5 audited, of the fastest peer"] == [False]


def test_a_ratio_to_nothing_is_no_ratio() -> None:
    assert ratio(1.0, None) is None
    assert ratio(None, 1.0) is None
    assert ratio(1.0, 0.0) is None


def test_every_figure_in_which_a_peer_is_ahead_is_told_and_no_other() -> None:
    assert [(each.peer, each.workload) for each in leads(FAST)] == [("graphile-worker", "w1"), ("pgqueuer", "w3")]


# --- the processors ---


def machine(folder: Path, busy_ticks: int, processes: dict[int, tuple[int, int]]) -> Path:
    """A /proc with parents and ticks by process."""
    (folder / "stat").write_text(f"cpu {busy_ticks} 0 0 999 0 0 0 0 0 0\n")
    (folder / "uptime").write_text("100.0 1.0\n")
    for pid, (parent, ticks) in processes.items():
        (folder / str(pid)).mkdir(exist_ok=True)
        (folder / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} 0 0 0 0 0 0 0 0 0 {ticks} 0 0 0 0\n")
    return folder


def test_what_is_neither_ours_nor_the_servers_is_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpid", lambda: 10)
    before = cpu.look(20, machine(tmp_path, 0, {10: (1, 0), 11: (10, 0), 20: (1, 0), 21: (20, 0), 30: (1, 0)}))
    after = cpu.look(20, machine(tmp_path, 150, {10: (1, 10), 11: (10, 20), 20: (1, 5), 21: (20, 15), 30: (1, 100)}))
    assert before is not None
    assert after is not None
    used = cpu.used(cpu.Cpu(99.0, before.busy, before.harness, before.server), after, cores=2)
    assert (used.harness, used.server) == pytest.approx((30 / cpu.TICKS, 20 / cpu.TICKS))
    assert used.foreign_share == pytest.approx(100 / cpu.TICKS / 2)


def test_a_program_that_burns_is_foreign_only_if_it_is_not_ours() -> None:
    """The real /proc: what this very process burns is ours."""
    before = cpu.look(None)
    assert before is not None
    sum(n * n for n in range(3_000_000))
    after = cpu.look(None)
    assert after is not None
    assert cpu.used(before, after).harness > 0.05


# --- the document ---


def test_the_document_holds_tables_plots_goals_leads_and_the_reasons(tmp_path: Path) -> None:
    facts = {
        "date": "2026-11-21",
        "commit": "abc",
        "cores": 2,
        "processor": "one",
        "memory_gb": 24,
        "system": "Linux 6",
        "python": "3.12",
        "asyncpg": "0.32",
        "uvloop": "0.23",
        "postgresql": {"server_version": "18.6", "fsync": "on"},
        "peers": {"pg-boss": "12.35.0"},
    }
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "why.md").write_text("Because it keeps nothing.\n")
    written = document.write(FAST, {"w1": w1.TITLE, "w5": w5.TITLE}, facts, "bench", tmp_path / "benchmarks.md")
    text = written.read_text()
    assert "| distinct rows | rowmill | tasks/s | 20,000 | 19,000 to 23,000 |" in text
    assert "40,000*" in text  # noisy
    assert "PostgreSQL | 18.6; fsync = on" in text
    assert "graphile-worker leads in W1 1 worker: tasks/s, 60,000 against 40,000" in text
    assert text.endswith("Because it keeps nothing.\n")
    plots = sorted(each.name for each in (tmp_path / "benchmarks").glob("*.svg"))
    assert plots == ["w1.svg", "w3.svg", "w5.svg"]
    assert all(f"(benchmarks/{name})" in text for name in plots)


def test_the_same_figures_give_the_same_plots(tmp_path: Path) -> None:
    from benchmarks.plots import draw

    draw(FAST, tmp_path / "one")
    draw(FAST, tmp_path / "two")
    assert (tmp_path / "one" / "w5.svg").read_bytes() == (tmp_path / "two" / "w5.svg").read_bytes()


def test_numbers_are_short() -> None:
    assert [number(value) for value in (12_345.6, 12.345, 0.01234)] == ["12,346", "12.3", "0.0123"]
