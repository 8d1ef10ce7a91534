#!/bin/sh
# Removes what install.sh installed, and nothing else: libraries, models and settings stay.
#   uninstall.sh [PREFIX]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-}
if [ -z "$prefix" ]; then
    # When installed, it derives the prefix from its own path.
    case $here in */lib/vicinity) prefix=${here%/lib/vicinity} ;; *) prefix=$HOME/.local ;; esac
fi
list=$prefix/lib/vicinity/files
[ -f "$list" ] || { echo "uninstall: nothing is installed in $prefix" >&2; exit 1; }
while IFS= read -r file; do
    case $file in /* | *..*) continue ;; esac
    rm -f "$prefix/$file"
    rmdir -p --ignore-fail-on-non-empty "$prefix/$(dirname "$file")" 2>/dev/null || true
done <"$list"
rm -f "$list" "$prefix/lib/vicinity/uninstall.sh"
rmdir "$prefix/lib/vicinity" 2>/dev/null || true
# Update the desktop's lists of programs and icons, too.
if [ -d "$prefix/share/applications" ] && command -v update-desktop-database >/dev/null; then
    update-desktop-database -q "$prefix/share/applications" || true
fi
if [ -d "$prefix/share/icons/hicolor" ] && command -v gtk-update-icon-cache >/dev/null; then
    gtk-update-icon-cache -q -f -t "$prefix/share/icons/hicolor" || true
fi
echo "Vicinity was removed from $prefix. Your libraries and settings are kept: ${XDG_DATA_HOME:-$HOME/.local/share}/vicinity, ${XDG_CONFIG_HOME:-$HOME/.config}/vicinity"
