"""Entry of the program. Imports nothing heavy: spawned children import this file again."""

import sys

EXIT_INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended: 128 + SIGINT."""


def main() -> None:
    """Run the command line; Ctrl-C while its modules are still being imported is quiet too."""
    try:
        from spyoncino.cli.app import main as run_command_line  # noqa: PLC0415 - see above
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run_command_line()


if __name__ == "__main__":
    main()
