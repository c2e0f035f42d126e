"""``spyoncino bench``: how fast this computer is with the model in force."""

import asyncio
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from spyoncino import __version__
from spyoncino.app import load_modules
from spyoncino.cli.options import options_of, print_json, stderr, stdout
from spyoncino.core.config_load import load_config
from spyoncino.core.paths import DataFolder, resolve_data_dir
from spyoncino.detectors.auto import read_choices
from spyoncino.host.bench import Figure, measure_all
from spyoncino.host.facts import gather_facts
from spyoncino.modules.process.object_detector import ObjectSettings
from spyoncino.runtime.children import shared_memory_base

FROM_HERE = 1000.0
"""Figures from here on are shown without decimals."""


def bench(
    ctx: typer.Context,
    *,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=60.0, help="Length of each part.")
    ] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure this machine: objects with one and two workers, motion, video, the bus.

    The model is that of the configuration, else the bundled one. Stop the running system first:
    both would slow each other down.

    Example: spyoncino bench --seconds 5
    """
    loaded = load_config(load_modules(), file=options_of(ctx).config)
    objects = loaded.sections.get("objects")
    settings = objects.to_task_settings() if isinstance(objects, ObjectSettings) else {}
    console = stderr()
    facts = gather_facts(Path(), shared_memory_base())
    data = DataFolder(
        resolve_data_dir(options_of(ctx).data or loaded.settings.data_dir, loaded.user_file)
    )
    choices = [choice.sentence for choice in read_choices(data.detector_choices)]
    figures = asyncio.run(
        measure_all(
            seconds,
            settings,
            lambda part: console.print(f"{part} …", style="dim"),
            facts.hardware_decoders,
        )
    )
    if as_json:
        print_json(
            {
                "spyoncino": __version__,
                "python": platform.python_version(),
                "cpu": facts.cpu,
                "cores": facts.cores,
                "figures": [asdict(figure) for figure in figures],
                "choices": choices,
            }
        )
        return
    stdout().print(f"{facts.cpu}, {facts.cores} cores", markup=False, soft_wrap=True)
    stdout().print(table_of(figures))
    for sentence in choices:
        stdout().print(sentence, markup=False, soft_wrap=True)


def table_of(figures: list[Figure]) -> Table:
    """The figures for people."""
    table = Table(box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("how", style="dim")
    for each in figures:
        value = f"{each.value:,.0f}" if each.value >= FROM_HERE else f"{each.value:.3g}"
        table.add_row(each.name, value, each.unit, each.note)
    return table
