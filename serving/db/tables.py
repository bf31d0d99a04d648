"""The tables, as SQLAlchemy knows them; `migrations/` makes them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Every table of the `studio` database."""


class Slot(Base):
    """What serving answers with: one published model version per task and slot.

    Written by `registry.publish` alone, read by `serving.models.slots`. The files lie in the
    object storage under the SHA-256 of their bytes. `weight`, `mode` and `salt` say how much
    traffic a challenger gets.
    """

    __tablename__ = "slots"
    __table_args__ = (
        CheckConstraint("slot IN ('champion', 'challenger')", name="slots_slot"),
        CheckConstraint("mode IN ('weight', 'shadow')", name="slots_mode"),
        CheckConstraint("weight BETWEEN 0 AND 100", name="slots_weight"),
    )

    task: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    model_sha256: Mapped[str] = mapped_column(String(64))
    card_sha256: Mapped[str] = mapped_column(String(64))
    weight: Mapped[float] = mapped_column(server_default="100")
    mode: Mapped[str] = mapped_column(server_default="weight")
    salt: Mapped[str] = mapped_column(server_default="")
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ApiKey(Base):
    """A client's key, known only by its SHA-256; a client has at most two live ones."""

    __tablename__ = "api_keys"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    client: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
