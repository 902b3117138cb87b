"""All benchmarks, one after the other."""

from benchmarks import latency, restart, simulator_oracle


def main() -> None:
    """Run and print each."""
    for benchmark in (latency, restart, simulator_oracle):
        benchmark.main()


if __name__ == "__main__":
    main()
