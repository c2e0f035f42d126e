"""``spyoncino analyze``: the whole pipeline over video files."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from spyoncino.analysis import Analysis, AnalysisRequest, AnalysisResult
from spyoncino.cli.options import options_of, print_json, stderr
from spyoncino.core.logs import configure_logging
from spyoncino.errors import SourceError, StorageError, UsageError

DEFAULT_OUT = Path("spyoncino-analysis")


def analyze(  # noqa: PLR0913 - one parameter per option of the command line
    ctx: typer.Context,
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files.")],
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for pictures, clips and database.")
    ] = None,
    mot: Annotated[
        Path | None, typer.Option(help="Write tracks as MOTChallenge text (one video only).")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="Take zones and sections of this configured camera.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per event.")
    ] = False,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Play at the pace of the file, as a camera would.")
    ] = False,
) -> None:
    """Find events in video files: as fast as it can, the same result every time.

    Example: spyoncino analyze garden.mp4 --out found --json
    """
    options = options_of(ctx)
    if mot is not None and len(videos) > 1:
        raise UsageError("--mot writes the tracks of one video; name only one")
    configure_logging("debug" if options.debug else "error")
    request = AnalysisRequest(
        videos=videos,
        out=out or options.data or DEFAULT_OUT,
        config=config or options.config,
        camera=camera,
        workers=workers,
        is_realtime=realtime,
    )
    result = _run(request)
    if mot is not None:
        _write_lines(mot, next(iter(result.mot_rows.values()), []))
    for event in result.events:
        if as_json:
            print_json(event)
        else:
            typer.echo(_line(event, request.out))
    if not as_json and not result.events and len(result.failures) < len(videos):
        typer.echo("no events")
    _raise_failures(result.failures, len(videos))


def _run(request: AnalysisRequest) -> AnalysisResult:
    console = stderr()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None)

        def show(camera: str, pts_s: float) -> None:
            progress.update(task, description=f"{camera}: {pts_s:.1f} s analysed")

        return asyncio.run(Analysis(request, show).run())


def _raise_failures(failures: dict[str, str], video_count: int) -> None:
    if video_count == len(failures) == 1:
        raise SourceError(*failures.values())
    for name, sentence in failures.items():
        stderr().print(f"{name}: {sentence}", markup=False, soft_wrap=True)
    if failures:
        raise SourceError(f"{len(failures)} of {video_count} videos failed, see above")


def _write_lines(path: Path, lines: list[str]) -> None:
    try:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _line(event: dict[str, Any], out: Path) -> str:
    labels = ", ".join(event["labels"])
    text = f"{event['start_s']:8.1f} s {event['end_s']:8.1f} s  {event['camera']}  {event['type']}"
    snapshot = f"  {out / event['snapshot']}" if event["snapshot"] else ""
    return f"{text}  ({labels}){snapshot}"
