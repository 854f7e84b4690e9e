"""`[workflows.NAME.webhooks.HOOK]`: the webhooks that a workflow's fallback handlers may have called."""

from pydantic import Field

from worknet.config.document import Section
from worknet.config.secrets import SecretRef


class HookSection(Section):
    """One webhook: whom it reaches is the operator's to say, a handler knows its name alone."""

    url: SecretRef = Field(
        description="where its address is found, http:// or https://; a reference, since many hold a token",
        examples=[{"file": "desk.url"}],
    )
    secret: SecretRef = Field(
        description="where the secret is found that calls are signed with, as Standard Webhooks has it",
        examples=[{"file": "desk.secret"}],
    )
