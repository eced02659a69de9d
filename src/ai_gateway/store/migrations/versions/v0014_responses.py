"""Responses that are kept for their tenants, and whether a tenant wants that."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision: Final = "0014"
down_revision: Final = "0013"

_FLOAT: Final[TypeEngine[Any]] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "stored_responses",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("expires", _FLOAT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "response_id", name="pk_stored_responses"),
    )
    op.create_index("ix_stored_responses_expires", "stored_responses", ["expires"])
    op.add_column("tenants", sa.Column("stored_responses", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("tenants", "stored_responses")
    op.drop_table("stored_responses")
