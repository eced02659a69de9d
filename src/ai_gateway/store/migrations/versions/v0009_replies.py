"""Replies that are kept for their Idempotency-Key."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision: Final = "0009"
down_revision: Final = "0008"

_TEXT: Final = sa.Text()
_FLOAT: Final[TypeEngine[Any]] = sa.Double()


def upgrade() -> None:
    op.create_table(
        "idempotent_replies",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("tenant_id", "key", "print", "request_id", "owner")),
        sa.Column("until", _FLOAT, nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("expires", _FLOAT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_idempotent_replies"),
    )
    op.create_index("ix_idempotent_replies_expires", "idempotent_replies", ["expires"])


def downgrade() -> None:
    op.drop_table("idempotent_replies")
