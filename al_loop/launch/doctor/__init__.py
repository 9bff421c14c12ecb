"""The doctor: what is wrong with a database, its campaigns and their folders, and the way out."""

from al_loop.launch.doctor.examine import examine, examine_without_database
from al_loop.launch.doctor.report import CampaignFigures, Figures, Finding, Report

__all__ = [
    "CampaignFigures",
    "Figures",
    "Finding",
    "Report",
    "examine",
    "examine_without_database",
]
