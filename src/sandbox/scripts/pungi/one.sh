#!/usr/bin/env bash
# @WHAT@
# Usage: bash @FILE@

MAJOR=@MAJOR@
SHORT=@SHORT@
CONFIG=@CONFIG@
source "$(dirname -- "$0")/compose.sh"
