"""The schema's history ends in the schema the code is written for, on both databases."""

import re

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.engine import migrations
from gateway.engine.clock import SystemClock
from gateway.engine.database import engine, transaction
from gateway.engine.schema import metadata
from gateway.engine.store import Store, StoreUnavailable
from gateway.errors import Misconfigured


def test_the_migrated_schema_is_the_one_the_code_is_written_for(database_url):
    made = engine(database_url, SystemClock())
    with made.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        differences = compare_metadata(context, metadata)
    made.dispose()

    assert differences == []


def words(sql):
    return re.sub(r'[\s"()]+', " ", sql or "").strip().lower()


def test_partial_indexes_and_table_options_are_the_same_too(sqlite_url):
    """Autogenerate compares neither."""
    created = sa.create_engine("sqlite://")
    metadata.create_all(created)
    query = sa.text("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL")
    with created.connect() as conn:
        wanted = {(row.type, row.name): words(row.sql) for row in conn.execute(query)}
    with transaction(sqlite_url, readonly=True) as conn:
        found = {(row.type, row.name): words(row.sql) for row in conn.execute(query)}

    assert found == wanted


def test_head_is_the_last_revision():
    config = Config()
    config.set_main_option("script_location", str(migrations._PLACE))

    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_migrating_twice_changes_nothing_and_makes_the_folder_it_needs(tmp_path):
    url = f"sqlite:///{tmp_path}/var/lib/gateway.db"

    migrations.migrate(url)
    migrations.migrate(url)

    assert migrations.current(url) == migrations.HEAD


def test_a_database_that_was_not_migrated_is_refused_with_the_command_to_run(tmp_path):
    with pytest.raises(Misconfigured, match="gateway db migrate") as refused:
        Store.open(f"sqlite:///{tmp_path}/empty.db", clock=SystemClock())

    assert refused.value.code == "database_not_migrated"


def test_a_database_of_a_later_version_is_refused(database_url):
    with transaction(database_url) as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Misconfigured, match="9999"):
        Store.open(database_url, clock=SystemClock())


def test_a_server_that_cannot_be_reached_is_unavailable_not_misconfigured():
    with pytest.raises(StoreUnavailable):
        Store.open("postgresql://nobody@127.0.0.1:1/none", clock=SystemClock())


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(url):
    with pytest.raises(Misconfigured) as refused:
        Store.open(url, clock=SystemClock())

    assert refused.value.code == "database_unsupported"
