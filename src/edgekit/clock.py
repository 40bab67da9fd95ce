"""The machine's clock, where files need it: a board without a battery starts in 1970."""

import time

from edgekit.errors import EdgekitError

ZIP_YEARS = (1980, 2107)
"""First and last year of the dates in a zip archive, as .keras and .npz files are."""


def require_for_zips() -> None:
    """Refuse to begin what ends in a zip archive that cannot have this day's date.

    Raises:
        EdgekitError: the year is none of ZIP_YEARS.
    """
    first, last = ZIP_YEARS
    year = time.localtime(time.time()).tm_year
    if not first <= year <= last:
        raise EdgekitError(
            f"this machine's clock says {year}, and .keras and .npz files have dates from {first} "
            f"to {last}: set the clock"
        )
