"""Section ``telegram``: the bot, and who may do what in which chat."""

from enum import IntEnum
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from spyoncino.clients.far_host import wrong_address
from spyoncino.core.settings_group import SettingsGroup
from spyoncino.modules.delivery_settings import DeliverySettings

OFFICIAL = "https://api.telegram.org"


class Role(IntEnum):
    """What a chat may do; a higher one may do everything that a lower one may."""

    VIEWER = 1
    MEMBER = 2
    ADMIN = 3


class ChatSettings(SettingsGroup):
    """One chat: a person, or a group, in which everybody has the same role."""

    id: int = Field(description="Number of the chat; the log names it when somebody writes there.")
    role: Literal["viewer", "member", "admin"] = Field(
        default="member",
        description="viewer: sees; member: also mutes cameras and names people; admin: also arms "
        "and disarms.",
    )
    alerts: bool = Field(default=True, description="Whether it is told, or only answered.")

    @property
    def rank(self) -> Role:
        """The role as a number."""
        return Role[self.role.upper()]


class TelegramSettings(DeliverySettings):
    """Section ``telegram``: a bot that tells people and takes their orders."""

    timeout_s: float = Field(
        default=120.0, gt=0, description="What one try may take; a clip of 50 MB needs its time."
    )
    at_once: int = Field(default=8, ge=1, le=64, description="Messages in work at a time.")
    token: SecretStr = Field(
        default=SecretStr(""), description="Of the bot, as @BotFather gave it; a secret."
    )
    chats: tuple[ChatSettings, ...] = Field(
        default=(), description="Who is told; nobody else gets an answer."
    )
    console: bool = Field(
        default=True, description="Whether the bot obeys commands and buttons; see /help there."
    )
    picture_wait_s: float = Field(
        default=0.25,
        ge=0,
        le=10,
        description="The first message waits so long for a picture: telephones show the first one.",
    )
    api_url: str = Field(
        default=OFFICIAL, description="Where the Bot API is, if you run a server of your own."
    )

    @model_validator(mode="after")
    def _can_talk(self) -> Self:
        if not self.enabled:
            return self
        if not self.token.get_secret_value():
            raise ValueError("token is empty: make a bot with @BotFather and set its token")
        if any(letter in "/?# \n" for letter in self.token.get_secret_value()):
            raise ValueError("token has a letter that no token has: copy it from @BotFather again")
        if problem := wrong_address(self.api_url):
            raise ValueError(f"api_url cannot be used: {problem}")
        ids = [chat.id for chat in self.chats]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise ValueError(f"the chat {twice[0]} is listed twice")
        return self

    def chat(self, chat_id: int) -> ChatSettings | None:
        """What is set for a chat; ``None`` for a stranger's."""
        return next((chat for chat in self.chats if chat.id == chat_id), None)
