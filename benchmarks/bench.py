"""What every workload gets: the server, the systems, the sizes, and the one way to measure a variant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.figures import Figure, Sample, figures_of
from benchmarks.grown import Grown
from benchmarks.measure import Meter, repeated
from benchmarks.ours import Rowmill
from benchmarks.server import BenchServer, Database
from benchmarks.sizes import Sizes
from benchmarks.system import System
from core.errors import RowmillError

Tell = Callable[[str], None]


@dataclass
class Bench:
    """One call of the benchmark."""

    server: BenchServer
    sizes: Sizes
    tell: Tell
    peers: list[System] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _grown: Grown | None = None
    problems: list[str] = field(default_factory=list)  # what a peer could not do, told at the end

    @property
    def ours(self) -> Rowmill:
        return Rowmill(self.server)

    @property
    def systems(self) -> list[System]:
        return [self.ours, *self.peers]

    async def grown(self) -> Grown:
        """The database with ten million finished tasks; made when first asked for, dropped with the run."""
        if self._grown is None:
            self._grown = Grown(await self.stack.enter_async_context(self.server.migrated()), self.tell)
        return self._grown

    async def measured(
        self,
        workload: str,
        system: str,
        variant: str,
        once: Callable[[], Awaitable[Sample]],
        *,
        runs: int | None = None,
    ) -> list[Figure]:
        """The figures of one variant. A run of ours that went wrong ends everything, a peer's costs that figure."""
        self.tell(f"{workload} · {system} · {variant}")
        try:
            samples = await repeated(once, runs or self.sizes.runs, self.server, self.sizes.quiet_s)
        except (RowmillError, TimeoutError) as error:
            if system not in {peer.name for peer in self.peers}:
                raise
            self.problems.append(f"{workload} {system}, {variant}: {str(error) or type(error).__name__}")
            return []
        return figures_of(workload, system, variant, samples)

    @asynccontextmanager
    async def metered(self, database: Database) -> AsyncIterator[Meter]:
        """Counts what happens inside the block."""
        meter = Meter(self.server, database)
        await meter.start()
        yield meter
        await meter.stop()
