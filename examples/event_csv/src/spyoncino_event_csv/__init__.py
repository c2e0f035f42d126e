"""One line of a spreadsheet for each event."""

from spyoncino_event_csv.module import EventCsv

__all__ = ["EventCsv"]
