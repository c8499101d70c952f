# SPDX-License-Identifier: MIT
# What is installed below a prefix works there, and uninstalling leaves nothing.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

prefix=$PWD/usr
t 'install' 0 '' -- "$TOP/scripts/install" "$prefix" "$BIN"
for source in "$TOP"/cmd/avl-*.c "$TOP"/scripts/avl-*; do
	tool=$(basename "$source" .c)
	t "$tool runs where it was installed" 0 '' -- "$prefix/bin/$tool" --version
	completion=$prefix/share/bash-completion/completions/$tool
	if have bash; then
		# shellcheck disable=SC2016 # for bash
		t "$tool completes its options" 0 '' -- bash -c '
			. "$1" && COMP_WORDS=("$2" --vers) COMP_CWORD=1 &&
			_"${2//-/_}" && [ "${COMPREPLY[*]}" = --version ]' bash "$completion" "$tool"
	else
		skip "$tool completes its options" 'bash is not installed'
	fi
done
for page in "$TOP"/man/*.[1-9]; do
	[ -e "$page" ] || continue
	same "$(basename "$page") is there" "$page" "$prefix/share/man/man${page##*.}/$(basename "$page")"
done
for file in "$TOP"/lib/share/*; do
	same "share/avl/$(basename "$file") is there" "$file" "$prefix/share/avl/$(basename "$file")"
done
t 'uninstall' 0 '' -- "$TOP/scripts/install" -u "$prefix" "$BIN"
is 'nothing is left' "$(find "$prefix" ! -type d)" ''
done_testing
