# SPDX-License-Identifier: MIT
# Commands that read records: what is not a stream, and no input at all.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

: >empty
mkdir directory
printf 'this is no archive\n' >text
head -c 4096 /dev/zero >zeros
head -c 100 /dev/zero >short

for tool in avl-check avl-localize avl-heatmap avl-eval avl-truth avl-embed; do
	[ -e "$TOP/cmd/$tool.c" ] || continue
	t "$tool: a missing file" 1 "^$tool: 'missing': No such file or directory\$" -- "$tool" missing
	t "$tool: a directory" 1 "^$tool: 'directory': .*[Ii]s a directory" -- "$tool" directory
	for file in empty text zeros short; do
		t "$tool: $file as a file" 1 "^$tool: '$file': " -- "$tool" "$file"
		t "$tool: $file on stdin" 1 "^$tool: '?stdin'?: " -- sh -c "$tool <$file"
	done
	t "$tool: a closed stdin" 1 "^$tool: '?stdin'?: " -- sh -c "$tool <&-"
	if have script && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
		script -qec "$tool >out 2>err" /dev/null </dev/null >/dev/null
		is "$tool: nothing to read, and a terminal, is a mistake in usage" $? 2
		matches "$tool: ... and is said so" "^$tool: no input: .*--help" err
	else
		skip "$tool: nothing to read, and a terminal" 'script(1) is not there, or finds no terminal to pretend'
	fi
done
done_testing
