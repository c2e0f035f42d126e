"""Entry of the program. Imports nothing heavy: spawned children import this file again."""


def main() -> None:
    """Run the command line; Ctrl-C is quiet from the first line on until the interpreter ends."""
    # Children import this file and need none of it.
    from spyoncino.cli import interrupts  # noqa: PLC0415

    interrupts.end_at_ctrl_c()
    interrupts.name_process()
    from spyoncino.cli.app import main as run_command_line  # noqa: PLC0415

    try:
        run_command_line()
    finally:
        interrupts.end_at_ctrl_c()
        interrupts.forget_answered()


if __name__ == "__main__":
    main()
