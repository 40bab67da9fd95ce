"""The audio front end on emulated cores: its bytes, and its cost beside the committed figures.

The cost is that of firmware which only hears: a hop comes in, the features go out as int8.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import committed
import listener
import sound
from edge_runtime.audio import Audio, features
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Firmware, Library
from edgekit.convert.c.library import library

FILE = Path(__file__).with_name("committed_audio.json")
AUDIO = {"log-mel": Audio(), "MFCC": Audio(coefficients=13)}
BUILDS = [
    "cortex-m0 -Os log-mel",
    "cortex-m4 -Os log-mel",
    "cortex-m4 -O2 log-mel",
    "cortex-m4 -O2 MFCC",
]

SOURCE = """\
#include "hear.h"
#ifndef EK_STEP
#define EK_STEP(index)
#endif
#include "ears.c"

int hear_run(const int16_t *pcm, uint8_t *features)
{
    static ears_stream_t stream;
    static int32_t scratch[EARS_AUDIO_SCRATCH];
    EK_STEP(0)
    ears_push_pcm16(&stream, pcm, scratch);
    EK_STEP(1)
    ears_from_stream(&stream, (ears_input_t *)features);
    return 0;
}
"""

HEADER = """\
#include "ears.h"
typedef int16_t hear_input_t;
typedef uint8_t hear_output_t;
#define HEAR_INPUT_SIZE EARS_AUDIO_HOP
#define HEAR_OUTPUT_SIZE EARS_INPUT_SIZE
int hear_run(const int16_t *pcm, uint8_t *features);
"""


def built(core: str, option: str, audio: Audio) -> Firmware:
    """Return firmware that hears, and does no more."""
    model = library(listener.model(audio), "ears.tflite", "ears")
    files = {
        "ears.h": model.header,
        "ears.c": model.source,
        "hear.h": HEADER,
        "hear.c": SOURCE,
    }
    return firmware.build(CORES[core], Library("hear", files, 0, 0, 100_000, ("AUDIO",)), option)


def hops(audio: Audio) -> npt.NDArray[np.uint8]:
    """Return speech as the hops that fill the features, as bytes."""
    count = audio.frames - 1 + -(-audio.window // audio.hop)
    pcm = np.resize(sound.sounds(audio)["speech"], count * audio.hop)
    return pcm.reshape(count, audio.hop).view(np.uint8)


def measured(build: str) -> dict[str, int]:
    """Flash and RAM in bytes, instructions of a hop."""
    core, option, form = build.split()
    audio = AUDIO[form]
    program, given = built(core, option, audio), hops(audio)
    profile = emulator.profile(program, given, 1 << 40, with_waits=False)
    pcm = given.view(np.int16).ravel()[: audio.samples]
    assert (profile.outputs[-1] ^ 128).tobytes() == features(audio, pcm).tobytes()
    step = profile.steps[:, 0]
    return {
        "code": program.code,
        "constants": program.constants,
        "ram": program.data + profile.stack,
        "median instructions": int(np.percentile(step, 50, method="higher")),
        "most instructions": int(step.max()),
    }


@pytest.mark.parametrize("build", BUILDS)
def test_it_hears_and_has_not_grown(build: str) -> None:
    committed.compare(FILE, build, measured(build), firmware.versions(CORES[build.split()[0]]))


if __name__ == "__main__":
    versions = firmware.versions(CORES["cortex-m4"])
    committed.write(FILE, versions, {build: measured(build) for build in BUILDS})
