"""`eungdapso train`: a new model for the topics, put in use when it is not worse than what runs."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import CONFIG, DEFAULT, show, told


def train(
    frozen: Annotated[
        Path | None, typer.Option(help="Labelled texts to compare on; left out: a tenth of the examples, kept aside.")
    ] = None,
    try_only: Annotated[bool, typer.Option("--try", help="Compare, and put nothing in use.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures, for machines.")] = False,
    seed: Annotated[int, typer.Option(help="The seed; the same examples and seed give the same model.")] = 20_261_101,
    config: CONFIG = DEFAULT,
) -> None:
    """Learn the topics anew from topics.toml and from what staff corrected.

    What comes of it is put in use (var/models/topic.model) when it is not worse than what runs on texts that neither
    has learned; else it is refused (exit 1) and nothing changes. A running instance takes it within a minute.
    """
    from core.clock import clock_of
    from core.errors import Rejected
    from pipeline.build import prepared
    from pipeline.train import Wish, trained

    with told():
        plan = prepared(config)
        wish = Wish(frozen=frozen, try_only=try_only, seed=seed, now=clock_of(plan.environment)())
        done = trained(plan, wish)
        if as_json:
            show(done)
        else:
            typer.echo("\n".join(done.told()))
        if not done.is_better:
            raise Rejected("refused: the new model is worse than what runs. Nothing was changed")
