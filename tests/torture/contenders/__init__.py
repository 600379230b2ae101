"""The same kills, stalls and poison for other queues, through the adapters of the benchmarks (benchmarks/peers), and
for ours.

Each runs with its own default settings of liveness. A peer's handler writes its mark in a transaction of its own,
since none of these peers offers another way; ours returns it as an effect. So a peer's mark may come twice where a job
ran twice: all of them promise at-least-once, and say that handlers must be idempotent."""
