"""What ``doctor`` says of looking for faces: which back ends are here, and which nobody tried."""

from spyoncino.host.advice import Remark, Verdict
from spyoncino.host.facts import MachineFacts


def remarks_on_faces(facts: MachineFacts) -> list[Remark]:
    """The back ends for faces; nothing where none was looked for."""
    remarks = [
        Remark(
            Verdict.WRONG,
            "faces",
            f"the back end {name} cannot be loaded: {reason}",
            "install its libraries, or set the detector of faces to cpu",
        )
        for name, reason in facts.broken_face_detectors.items()
    ]
    if facts.face_detectors:
        named = ", ".join(facts.face_detectors)
        remarks.append(Remark(Verdict.GOOD, "faces", f"back ends for faces: {named}"))
    remarks += [
        Remark(
            Verdict.NOTE,
            "faces",
            f"the back end {name} was never run on {hardware} by its authors",
            "compare what it finds with the detector cpu before you rely on it",
        )
        for name, hardware in facts.untried_face_detectors.items()
        if name in facts.face_detectors
    ]
    return remarks
