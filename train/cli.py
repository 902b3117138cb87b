"""The command memhacl-train: which subcommand was asked for."""

import sys
from difflib import get_close_matches
from typing import Final

from memhacl.stream.command import run_command
from memhacl.stream.errors import ConfigError

_USAGE: Final = """\
usage: memhacl-train COMMAND ...

  inspect DATA           what recordings (or a run's corpus) hold, what is odd, and which configs fit
  simulate               make simulated people as a folder in DEAP's layout
  run CONFIG             all stages below, in order; those whose settings and data have not changed are skipped
    prepare CONFIG       recordings -> windows, by the same code as live
    split CONFIG         which windows train, select and test; scaling from those that train
    pretrain CONFIG      the encoder learns without labels
    select CONFIG        which of the encoders that pretraining kept is best to start from
    finetune CONFIG      encoder and classifiers learn from labels
    evaluate CONFIG      the test windows, beside what the model must beat (evaluate.baselines)
  compare RUN RUN        whether one of two runs is better, person by person
  report DIR             make the page of a run or cross-validation again
  crossvalidate CONFIG   every fold of the protocol, all measured together, and a model refit on everybody
  reproduce TABLE        an experiment of the paper, our numbers beside the paper's; reproduce --list says which

CONFIG is a YAML file, a run folder, or the name of a config that comes with the package (demo, deap, ...).
Any setting can be overridden by its dotted name, for example --pretrain.epochs 3.

  memhacl-train simulate --out people --subjects 32 --stimuli 32 --seconds 8
  memhacl-train run demo --data people --out runs/demo
  memhacl-train finetune demo --out runs/demo --finetune.lr 3e-4

memhacl-train COMMAND --help says more.
"""

STAGE_COMMANDS: Final = ("run", "prepare", "split", "pretrain", "select", "finetune", "evaluate")
COMMANDS: Final = ("inspect", "simulate", "report", "crossvalidate", "compare", "reproduce", *STAGE_COMMANDS)


def main() -> int:
    """Run memhacl-train; return its exit code."""
    return run_command("memhacl-train", lambda: dispatch(sys.argv[1:]))


def dispatch(arguments: list[str]) -> int:
    """Run the subcommand that ``arguments`` begin with.

    Raises
    ------
    ConfigError
        There is no such subcommand.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        (sys.stdout if arguments else sys.stderr).write(_USAGE)
        return 0 if arguments else 2
    command, rest = arguments[0], arguments[1:]
    # Imported where needed: torch takes seconds to load, and help and simulation can do without.
    if command == "simulate":
        from memhacl.train.commands.simulate import simulate

        return simulate(rest)
    if command == "inspect":
        from memhacl.train.commands.inspect import inspect

        return inspect(rest)
    if command == "report":
        from memhacl.train.commands.report import report

        return report(rest)
    if command == "compare":
        from memhacl.train.commands.compare import compare

        return compare(rest)
    if command == "crossvalidate":
        from memhacl.train.commands.crossvalidate import crossvalidate_command

        return crossvalidate_command(rest)
    if command == "reproduce":
        from memhacl.train.commands.reproduce import reproduce

        return reproduce(rest)
    if command in STAGE_COMMANDS:
        from memhacl.train.commands.stages import run_stages

        return run_stages(command, rest)
    close = get_close_matches(command, COMMANDS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"expected {', '.join(COMMANDS)}"
    raise ConfigError(f"unknown command '{command}'; {hint}")


if __name__ == "__main__":  # torchrun -m memhacl.train.cli
    sys.exit(main())
