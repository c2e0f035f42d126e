"""The database file: pragmas, locks, damage, a full disk, versions."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, inspect, text

from spyoncino.errors import StorageError
from spyoncino.persistence import database as database_module
from spyoncino.persistence import migrate
from spyoncino.persistence.database import Database
from spyoncino.persistence.migrate import newest_version, upgrade
from spyoncino.persistence.mutes import MuteStore
from spyoncino.persistence.tables import METADATA, MUTES


async def test_it_writes_ahead_and_keeps_foreign_keys(database: Database) -> None:
    async with database.read() as connection:
        mode = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
        keys = (await connection.execute(text("PRAGMA foreign_keys"))).scalar_one()
    assert (mode, keys) == ("wal", 1)


def test_migrations_make_exactly_the_tables_of_the_program(tmp_path: Path) -> None:
    upgrade(tmp_path / "spyoncino.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'spyoncino.db'}")
    file = inspect(engine)
    found = {
        name: (
            {column["name"] for column in file.get_columns(name)},
            {index["name"] for index in file.get_indexes(name)},
        )
        for name in file.get_table_names()
        if name != "alembic_version"
    }
    engine.dispose()
    expected = {
        table.name: (set(table.columns.keys()), {index.name for index in table.indexes})
        for table in METADATA.sorted_tables
    }
    assert found == expected


async def test_the_events_table_has_the_specified_columns_and_indexes(database: Database) -> None:
    specified = {
        "id",
        "event_type",
        "status",
        "created_at",
        "completed_at",
        "data",
        "metadata",
        "processing_time_ms",
        "error_message",
    }
    async with database.read() as connection:
        columns = (await connection.execute(text("PRAGMA table_info(events)"))).mappings().all()
        indexes = (await connection.execute(text("PRAGMA index_list(events)"))).mappings().all()
    assert specified <= {column["name"] for column in columns}
    assert {"idx_events_type_status", "idx_events_created_at"} <= {row["name"] for row in indexes}


async def test_using_a_closed_database_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not open"):
        async with Database(tmp_path / "a.db").read():
            pass


async def test_a_failed_transaction_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the transaction is what is tested
        async with database.write() as connection:
            await connection.execute(
                text(
                    "INSERT INTO events(id,event_type,status,created_at,data,metadata,camera)"
                    " VALUES ('a','person','created','2026-01-01','{}','{}','door')"
                )
            )
            raise ZeroDivisionError
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one() == 0


async def test_a_lock_of_another_program_is_told_after_a_bounded_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.05)
    opened = Database(tmp_path / "spyoncino.db")
    await opened.open()
    with closing(sqlite3.connect(opened.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked by another program"):
            async with opened.write() as connection:
                await connection.execute(text("DELETE FROM events"))
        other.execute("ROLLBACK")
    async with opened.write() as connection:
        await connection.execute(text("DELETE FROM events"))
    await opened.close()


async def test_a_full_disk_is_told_and_what_was_committed_stays(database: Database) -> None:
    async with database.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StorageError, match="is full"):
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE big AS SELECT zeroblob(1000000) AS x"))
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one() == 0


async def test_a_damaged_file_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "spyoncino.db"
    opened = Database(path)
    await opened.open()
    await opened.close()
    content = bytearray(path.read_bytes())
    content[100:3000] = b"\x55" * 2900
    path.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged"):
        await Database(path).open()


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "spyoncino.db"
    path.write_text("dear diary, " * 100)
    with pytest.raises(StorageError, match="is damaged"):
        await Database(path).open()


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        await Database(tmp_path / "nowhere" / "spyoncino.db").open()


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spyoncino.db"
    assert upgrade(path) == newest_version()
    before = path.read_bytes()
    assert upgrade(path) == newest_version()
    assert path.read_bytes() == before


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spyoncino.db"
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StorageError, match="newer Spyoncino"):
        upgrade(path)


def test_an_older_database_is_copied_before_it_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spyoncino.db"
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    upgrade(path)
    old = newest_version()
    (folder / "versions" / "9000_next.py").write_text(
        "from alembic import op\n"
        f"revision, down_revision, branch_labels, depends_on = '9000', '{old}', None, None\n"
        "def upgrade():\n    op.execute('CREATE TABLE later(x)')\n"
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    assert upgrade(path) == "9000"
    with closing(sqlite3.connect(tmp_path / "spyoncino.before-9000.db")) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (old,)
        assert copy.execute("SELECT name FROM sqlite_master WHERE name='later'").fetchall() == []


def test_the_numbers_of_the_files_are_the_revisions_that_alembic_sees() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)

    assert migrate.known_versions() == sorted(
        script.revision for script in scripts.walk_revisions()
    )
    assert newest_version() == scripts.get_current_head()


def test_a_file_of_the_newest_version_is_opened_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "spyoncino.db"
    upgrade(path)
    code = (
        "import sys; from pathlib import Path; from spyoncino.persistence.migrate import upgrade; "
        f"upgrade(Path({str(path)!r})); print('alembic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


async def test_who_is_cut_off_at_any_step_leaves_neither_a_lock_nor_half_a_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = datetime(2026, 1, 1, tzinfo=UTC)
    steps_left = 0
    tasks: list[asyncio.Task[None]] = []
    run = database_module._run

    def counted(*what: Any) -> Any:
        nonlocal steps_left
        steps_left -= 1
        if steps_left == 0:
            tasks[-1].cancel()
        return run(*what)

    async def put_two() -> None:
        async with database.write() as connection:
            for camera in ("door", "gate"):
                values = {"camera": camera, "until": until, "author": "Ann"}
                await connection.execute(insert(MUTES).values(values))

    monkeypatch.setattr(database_module, "_run", counted)
    found = []
    for step in (1, 2, 3, 4):  # two statements, the end; and not at all
        await MuteStore(database).end("door")
        await MuteStore(database).end("gate")
        steps_left = step
        tasks.append(asyncio.create_task(put_two()))
        with suppress(asyncio.CancelledError):
            await tasks[-1]
        await MuteStore(database).end("nowhere")  # whoever writes next comes after it
        found.append(len(await MuteStore(database).in_force(until - timedelta(days=1))))
    assert found == [0, 0, 2, 2]
    assert [task.cancelled() for task in tasks] == [True, True, True, False]


async def test_one_hop_to_a_thread_for_each_statement_and_one_for_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, run = 0, database_module._run

    def counted(*what: Any) -> Any:
        nonlocal count
        count += 1
        return run(*what)

    monkeypatch.setattr(database_module, "_run", counted)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT 7"))).scalar_one() == 7
    assert count == 1
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM events"))
    assert count == 3


async def test_who_takes_longer_than_the_end_waits_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "CLOSE_PATIENCE_S", 0.0)
    opened = Database(tmp_path / "spyoncino.db")
    await opened.open()
    with pytest.raises(StorageError, match="closed in the midst"):  # noqa: PT012 - a transaction
        async with opened.write() as connection:
            await connection.execute(text("DELETE FROM events"))
            await opened.close()
            is_free = await asyncio.to_thread(can_be_locked, opened.path)
            await connection.execute(text("DELETE FROM events"))
    assert is_free, "what was begun is rolled back"


def can_be_locked(path: Path) -> bool:
    """Whether another program, which does not wait, may write to a file now."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


async def test_the_end_waits_for_who_is_reading(tmp_path: Path) -> None:
    opened = Database(tmp_path / "spyoncino.db")
    await opened.open()
    is_reading, may_end = asyncio.Event(), asyncio.Event()

    async def read() -> int:
        async with opened.read() as connection:
            is_reading.set()
            await may_end.wait()
            return int((await connection.execute(text("SELECT 7"))).scalar_one())

    reading = asyncio.create_task(read())
    await is_reading.wait()
    ending = asyncio.create_task(opened.close())
    await asyncio.sleep(0.05)
    assert not ending.done()
    may_end.set()
    assert await reading == 7
    await ending
    with pytest.raises(StorageError, match="is not open"):
        async with opened.read():
            pass
