# SPDX-License-Identifier: MIT
# Every command has a manual page, and the page and --help name the same options.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

for source in "$TOP"/cmd/avl-*.c; do
	tool=$(basename "$source" .c)
	page=$TOP/man/$tool.1
	if [ ! -e "$page" ]; then
		fail "$tool has a manual page"
		continue
	fi
	for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		matches "$tool.1 has $section" "^\\.Sh $section\$" "$page"
	done
	"$tool" --help | grep -oE '^  (  |-.,) --[a-z0-9-]+|^  -.( |$)' | grep -oE -e '-[^ ,]+' | sort -u >in-help
	# .It Fl r , Fl -rate Ar FPS
	grep -E '^\.It Fl ' "$page" | grep -oE 'Fl [^ ]+' | sed 's/^Fl /-/' | sort -u >in-page
	"$tool" --help | grep -oE '^  -[a-zA-Z0-9],? ' | grep -oE -e '-[a-zA-Z0-9]' >>in-help
	sort -u -o in-help in-help
	if difference=$(diff in-page in-help); then
		pass "$tool.1 and --help name the same options"
	else
		fail "$tool.1 and --help name the same options" "< in the page only, > in --help only
$difference"
	fi
done
done_testing
