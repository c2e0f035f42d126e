"""A group of commands that imports a command's own file only when the command is called.

The list of commands, the help of the whole and completion need no more than each command's name
and one line about it; both stand in the table that the group is made from.
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """One row of the table of commands.

    Args:
        name: What is typed.
        target: ``package.module:attribute``; a function, or a ``typer.Typer`` with commands of
            its own.
        help: The first line of its help, as the list of commands shows it.
    """

    name: str
    target: str
    help: str

    def load(self) -> Any:
        """Import the command.

        Returns:
            It as Typer builds it, with its options and its whole help.
        """
        module, _, attribute = self.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        holder = typer.Typer(add_completion=False, rich_markup_mode="rich")
        holder.callback()(_nothing)  # with a callback it is a group, however few commands it has
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=self.name)
        else:
            holder.command(self.name)(found)
        group: Any = typer.main.get_command(holder)
        return group.commands[self.name]


def lazy_group(table: Iterable[LazyCommand]) -> type[TyperGroup]:
    """The class of a group with these commands, for ``typer.Typer(cls=...)``."""
    rows = {row.name: row for row in table}

    class LazyGroup(TyperGroup):
        """Lists what the table says; a command that is called takes its row's place."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            for row in rows.values():
                self.add_command(TyperCommand(row.name, help=row.help), row.name)
            self._waiting = dict(rows)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """The command that is called (or completed), imported now."""
            row = self._waiting.pop(args[0], None) if args else None
            if row is not None:
                self.add_command(row.load(), row.name)
            return super().resolve_command(ctx, args)

    return LazyGroup


def _nothing() -> None:
    """The callback of a group that only holds one command."""
