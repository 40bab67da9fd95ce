"""Models as firmware for microcontrollers: built, emulated and measured."""
