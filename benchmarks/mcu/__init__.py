"""Models as firmware for microcontrollers: built, emulated, measured."""
