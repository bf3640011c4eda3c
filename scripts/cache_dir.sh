#!/bin/sh
# cache_dir.sh - prints the folder where fetched things are kept (and makes it).
#
# MILLWRIGHT_CACHE_DIR decides when set. Otherwise it is the user's cache folder. When root runs
# Millwright, PostgreSQL runs under another user id, which must be able to walk into the folder: if
# root's home is closed to others, /var/cache/millwright takes its place.
set -eu

open_to_others() { # every folder from $1 up to / lets others pass
  d=$1
  while [ "$d" != / ]; do
    if [ -d "$d" ] && [ -z "$(find "$d" -prune -perm -001)" ]; then return 1; fi
    d=$(dirname "$d")
  done
}

if [ -n "${MILLWRIGHT_CACHE_DIR:-}" ]; then
  cache=$MILLWRIGHT_CACHE_DIR
else
  cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/millwright
  if [ "$(id -u)" -eq 0 ] && ! open_to_others "$cache"; then cache=/var/cache/millwright; fi
fi
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
if [ ! -d "$cache" ]; then mkdir -p "$cache" && chmod 755 "$cache"; fi
echo "$cache"
