"""``spyoncino doctor``: what this computer has, what would be slow, and the setting that helps."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from spyoncino.app import load_modules
from spyoncino.cli.options import GlobalOptions, options_of, print_json, stderr, stdout
from spyoncino.core.config_load import LoadedConfig, load_config
from spyoncino.core.paths import resolve_data_dir
from spyoncino.core.registry import Registry
from spyoncino.core.settings import CameraBase, Settings
from spyoncino.core.source_settings import (
    FileSource,
    NetworkSource,
    PiSource,
    SourceSettings,
    UsbSource,
)
from spyoncino.core.wiring import without_misfits
from spyoncino.errors import ConfigError, SpyoncinoError
from spyoncino.host import bench
from spyoncino.host.advice import Plan, Remark, Speed, Verdict, remarks_on
from spyoncino.host.cameras import LIMIT_S, ask_cameras
from spyoncino.host.decoders import decode_costs, full_hd
from spyoncino.host.face_advice import remarks_on_faces
from spyoncino.host.facts import MachineFacts, gather_facts
from spyoncino.media.hardware_decode import DecoderKind
from spyoncino.media.pictures import i420_size_bytes
from spyoncino.modules.process.object_detector import ObjectSettings
from spyoncino.modules.storage.media_keeper import MediaKeeperSettings
from spyoncino.runtime.children import shared_memory_base

EXIT_WRONG = 1
MEASURE_S = 1.0
"""Length of each measurement: enough for a median, short enough to wait for."""

COLOURS = {
    Verdict.GOOD: "green",
    Verdict.NOTE: "cyan",
    Verdict.SLOW: "yellow",
    Verdict.WRONG: "red",
}


def doctor(
    ctx: typer.Context,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look only; measure nothing (under a second).")
    ] = False,
    no_cameras: Annotated[
        bool, typer.Option("--no-cameras", help="Do not ask the cameras on the network.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Say what is here, what is wrong or slow, and which setting helps.

    Ends with code 1 when something is wrong.

    Example: spyoncino doctor
    """
    options = options_of(ctx)
    registry = load_modules()
    loaded, problems = _load(registry, options)
    settings = loaded.settings
    data = resolve_data_dir(options.data or settings.data_dir, loaded.user_file)
    facts = gather_facts(data, settings.shared_memory.folder or shared_memory_base())
    objects = _section(loaded, "objects", ObjectSettings)
    plan = plan_of(loaded, facts)
    if quick:
        speed = Speed()
    else:
        stderr().print("Measuring this machine, a few seconds …", markup=False)
        speed = asyncio.run(
            _measure(objects.to_task_settings(), plan.workers, facts.hardware_decoders)
        )
    # Measured first: cameras that are watched meanwhile would make this computer look slower.
    seen = [] if quick or no_cameras else _ask_cameras(settings)
    remarks = [*problems, *seen, *remarks_on(facts, plan, speed)]
    remarks += remarks_on_faces(facts)
    remarks += [
        Remark(Verdict.WRONG, "modules", f"{each.name}: {each.error}", "install what it needs")
        for each in without_misfits(registry).failures
    ]
    if as_json:
        print_json(_facts(facts, plan, speed, remarks))
    else:
        _tell(facts, remarks)
    if any(remark.verdict is Verdict.WRONG for remark in remarks):
        raise typer.Exit(EXIT_WRONG)


def plan_of(loaded: LoadedConfig, facts: MachineFacts) -> Plan:
    """What the configuration asks of this computer."""
    settings = loaded.settings
    cameras = {name: each for name, each in settings.cameras.items() if each.enabled}
    memory = settings.shared_memory
    media = _section(loaded, "media", MediaKeeperSettings)
    objects = _section(loaded, "objects", ObjectSettings)
    model = objects.model if isinstance(objects.model, str) else objects.model.path
    default_fps = float(CameraBase.model_fields["analysis_fps"].default)
    slots_bytes = memory.ring_slots * i420_size_bytes(bench.WIDTH_PX, bench.HEIGHT_PX)
    return Plan(
        analysis_fps=tuple(camera.analysis_fps for camera in cameras.values()) or (default_fps,),
        is_example=not cameras,
        missing=tuple(
            (name, *there)
            for name, camera in cameras.items()
            if (there := _needs(camera.source)) and not Path(there[1]).exists()
        ),
        workers=settings.pool.worker_count(facts.cores, facts.memory_bytes),
        packet_bytes=int(settings.packets.max_bytes),
        ring_bytes=min(int(memory.ring_max_bytes), slots_bytes),
        media_bytes=int(media.max_bytes),
        media_free_bytes=int(media.min_free_bytes),
        model=f"{objects.detector}:{model}",
        pi_cameras=tuple(
            name for name, camera in cameras.items() if isinstance(camera.source, PiSource)
        ),
    )


def _ask_cameras(settings: Settings) -> list[Remark]:
    network = {
        name: (camera.source.to_spec(), camera.analysis_fps)
        for name, camera in settings.cameras.items()
        if camera.enabled and isinstance(camera.source, NetworkSource)
    }
    if network:
        stderr().print(
            f"Asking the cameras on the network ({len(network)}), up to {LIMIT_S:g} s "
            "(--no-cameras leaves them out) …",
            markup=False,
            soft_wrap=True,
        )
    return ask_cameras(network)


def _needs(source: SourceSettings) -> tuple[str, str] | None:
    """Key and path of what must be on this computer for a source."""
    if isinstance(source, FileSource):
        return "path", str(source.path)
    if isinstance(source, UsbSource) and source.device.startswith("/"):
        return "device", source.device
    return None


def _section(loaded: LoadedConfig, name: str, model: type[Any]) -> Any:
    section = loaded.sections.get(name)
    return section if isinstance(section, model) else model()


def _load(registry: Registry, options: GlobalOptions) -> tuple[LoadedConfig, list[Remark]]:
    """The configuration; a wrong one becomes remarks, and the defaults take its place."""
    try:
        loaded = load_config(registry, file=options.config)
    except ConfigError as error:
        remarks = [
            Remark(Verdict.WRONG, "configuration", problem, "what follows holds for the defaults")
            for problem in error.problems
        ]
        return LoadedConfig(Settings(), {}, {}), remarks
    files = ", ".join(str(path) for path in loaded.files)
    return loaded, [
        Remark(Verdict.GOOD, "configuration", f"{files or 'no file, the defaults hold'}"),
        *(Remark(Verdict.NOTE, "configuration", notice) for notice in loaded.notices),
    ]


async def _measure(
    settings: dict[str, Any], workers: int, hardware: Sequence[DecoderKind]
) -> Speed:
    pictures = await asyncio.to_thread(bench.scene)
    speed = Speed(
        motion_ms=await asyncio.to_thread(bench.motion_ms, pictures, MEASURE_S / 2),
        decode_ms=await asyncio.to_thread(bench.decode_ms, pictures, MEASURE_S / 2),
    )
    if hardware:
        video = await asyncio.to_thread(full_hd, pictures, bench.FPS)
        costs = await asyncio.to_thread(decode_costs, video, hardware, MEASURE_S / 2)
        speed = replace(speed, decoders=tuple(costs))
    try:
        looks = await bench.look(pictures[-1], workers, MEASURE_S, settings)
    except SpyoncinoError as error:
        return replace(speed, trouble=f"objects cannot be looked for: {error}")
    return replace(speed, look_ms=looks.look_ms, looks_per_second=looks.per_second)


def _facts(facts: MachineFacts, plan: Plan, speed: Speed, remarks: list[Remark]) -> dict[str, Any]:
    return {
        "ok": all(remark.verdict is not Verdict.WRONG for remark in remarks),
        "machine": facts.as_json(),
        "plan": {**asdict(plan), "memory_bytes": plan.memory_bytes},
        "measured": asdict(speed),
        "remarks": [asdict(remark) for remark in remarks],
    }


def _tell(facts: MachineFacts, remarks: list[Remark]) -> None:
    console = stdout()
    board = f"{facts.board}, " if facts.board else ""
    cores = "1 core" if facts.cores == 1 else f"{facts.cores} cores"
    if facts.cores_allowed < facts.cores:
        cores += f", of which the container allows {facts.cores_allowed:g}"
    memory = f"{facts.memory_bytes / 1e9:.1f} GB of memory"
    console.print(
        f"{board}{facts.cpu}, {cores}, {memory}\n"
        f"{facts.system}, {facts.architecture}, Python {facts.python}",
        markup=False,
        soft_wrap=True,
    )
    console.print()
    width = max(len(remark.subject) for remark in remarks)
    for remark in remarks:
        verdict = f"[{COLOURS[remark.verdict]}]{remark.verdict:<5}[/]"
        console.print(
            f"{verdict}  {remark.subject:<{width}}  {escape(remark.sentence)}", soft_wrap=True
        )
        if remark.help:
            console.print(f"       {'':{width}}  → {escape(remark.help)}", soft_wrap=True)
    counts = {each: sum(r.verdict is each for r in remarks) for each in Verdict}
    console.print(
        f"\n{counts[Verdict.WRONG]} wrong, {counts[Verdict.SLOW]} slow. "
        "More figures: spyoncino bench",
        markup=False,
    )
