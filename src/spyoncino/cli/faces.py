"""``spyoncino faces``: who is known, and what is kept of them."""

import typer

from spyoncino.cli.faces_enroll import enroll
from spyoncino.cli.faces_identify import identify
from spyoncino.cli.faces_import import import_faces
from spyoncino.cli.faces_lock import decrypt, encrypt, reembed
from spyoncino.cli.faces_people import block, forget, list_people, show, unblock
from spyoncino.cli.faces_report import report
from spyoncino.cli.faces_strangers import ignore, name_stranger, suggest

app = typer.Typer(help="Who is known: enrol, identify, forget, block people.", no_args_is_help=True)
app.command("enroll")(enroll)
app.command("list")(list_people)
app.command("show")(show)
app.command("identify")(identify)
app.command("forget")(forget)
app.command("block")(block)
app.command("unblock")(unblock)
app.command("import")(import_faces)
app.command("report")(report)
app.command("suggest")(suggest)
app.command("name")(name_stranger)
app.command("ignore")(ignore)
app.command("encrypt")(encrypt)
app.command("decrypt")(decrypt)
app.command("reembed")(reembed)
