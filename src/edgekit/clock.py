"""The machine's clock, for file formats that need it: a board without a battery starts in 1970."""

import time

from edgekit.errors import EdgekitError

ZIP_YEARS = (1980, 2107)
"""First and last year of the dates in a zip archive; .keras and .npz files are such archives."""


def require_for_zips() -> None:
    """Refuse to start work whose zip archive could not have today's date.

    Raises:
        EdgekitError: the year is not in ZIP_YEARS.
    """
    first, last = ZIP_YEARS
    year = time.localtime(time.time()).tm_year
    if not first <= year <= last:
        raise EdgekitError(
            f"this machine's clock says {year}, and .keras and .npz files have dates from {first} "
            f"to {last}: set the clock"
        )
