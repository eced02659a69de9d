"""Alembic's door: it runs on the connection (and in the transaction) that store/schema.py hands it, and on no other."""

from alembic import context

from ai_gateway.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
