"""All benchmarks, one after the other; those that take long in a short form."""

from benchmarks import (
    alignment,
    coverage,
    dropout,
    laboratory,
    latency,
    path_memory,
    path_speed,
    prepare_speed,
    quality,
    restart,
    simulator_oracle,
    soak,
)


def main() -> None:
    """Run and print each."""
    path_speed.main(["--seconds", "120"])
    dropout.main(["--trials", "10"])
    alignment.main(["--minutes", "10"])
    path_memory.main(["--hours", "1"])
    quality.main()
    prepare_speed.main(["--people", "4"])
    for benchmark in (latency, restart):
        benchmark.main()
    soak.main(["--minutes", "1"])
    laboratory.main(["--seconds", "20"])
    simulator_oracle.main()
    coverage.main([])


if __name__ == "__main__":
    main()
