"""A front end for sound in words, as reports and model cards have it."""

from edge_runtime.front_end import Audio


def described(audio: Audio) -> str:
    """Return in a line how sound becomes bytes."""
    what = f"{audio.coefficients} MFCC of " if audio.coefficients else ""
    return (
        f"{audio.samples} samples at {audio.rate} Hz, {audio.frames} windows of {audio.window}, "
        f"{what}{audio.bands} mel bands of {audio.low:g} to {audio.high:g} Hz, {audio.bottom:g} to "
        f"{audio.top:g} dB"
    )
