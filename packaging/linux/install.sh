#!/bin/sh
# Installs Vicinity for this user, without root: into ~/.local, or below the folder given.
#   ./install.sh [PREFIX]
# Installed files are listed in PREFIX/lib/vicinity/files, which uninstall.sh uses to remove them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-$HOME/.local}
mkdir -p "$prefix/lib/vicinity"
prefix=$(cd "$prefix" && pwd)
list=$prefix/lib/vicinity/files
# Files of a previous version that this one no longer has are removed.
[ ! -f "$list" ] || "$here/uninstall.sh" "$prefix" >/dev/null
mkdir -p "$prefix/lib/vicinity"
(cd "$here/usr" && find . -type f | sed 's|^\./||' | sort) >"$list"
while IFS= read -r file; do
    mkdir -p "$prefix/$(dirname "$file")"
    # A new file replaces the old one, so that a running program keeps its own.
    cp "$here/usr/$file" "$prefix/$file.new"
    mv -f "$prefix/$file.new" "$prefix/$file"
done <"$list"
cp "$here/uninstall.sh" "$prefix/lib/vicinity/uninstall.sh"
# The menu starts the program even if PREFIX/bin is not on the path.
entry=$(echo "$prefix"/share/applications/*.Vicinity.desktop)
sed -e "s|^Exec=[^ ]*|Exec=\"$prefix/bin/vicinity\"|" -e "s|^TryExec=.*|TryExec=$prefix/bin/vicinity|" "$entry" >"$entry.new"
mv -f "$entry.new" "$entry"
command -v update-desktop-database >/dev/null && update-desktop-database -q "$prefix/share/applications" || true
command -v gtk-update-icon-cache >/dev/null && gtk-update-icon-cache -q -f -t "$prefix/share/icons/hicolor" || true
echo "Vicinity is installed: $prefix/bin/vicinity, and in the menu. To uninstall: $prefix/lib/vicinity/uninstall.sh"
case ":$PATH:" in *":$prefix/bin:"*) ;; *) echo "($prefix/bin is not on your PATH; the menu does not need it.)" ;; esac
