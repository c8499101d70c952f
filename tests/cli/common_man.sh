# SPDX-License-Identifier: MIT
# Every command has a manual page, and the page and --help name the same options.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

PATH=$PATH:$TOP/scripts
for source in "$TOP"/cmd/avl-*.c "$TOP"/scripts/avl-*; do
	tool=$(basename "$source" .c)
	page=$TOP/man/$tool.1
	if [ ! -e "$page" ]; then
		fail "$tool has a manual page"
		continue
	fi
	for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		matches "$tool.1 has $section" "^\\.Sh $section\$" "$page"
	done
	# "  -r, --rate FPS" in the one, ".It Fl r , Fl -rate Ar FPS" in the other
	"$tool" --help | sed -nE 's/^  (-.),? .*/\1/p; s/^  (-., |    )(--[a-z0-9-]+).*/\2/p' >in-help
	"$tool" --help | sed -nE 's/^  -., (--[a-z0-9-]+).*/\1/p' >>in-help
	sort -u in-help | grep -vxE -e '-h|--help|--version' >options
	grep -E '^\.It Fl ' "$page" | sed 's/\\-/-/g' | grep -oE 'Fl [^ ]+' | sed 's/^Fl /-/' | sort -u |
		grep -vxE -e '-h|--help|--version' >in-page
	# SYNOPSIS and Usage name no option that is not described: "-fq" are two
	"$tool" --help | sed -n '/^Usage/,/^$/p' | grep -oE '(^|[[ |])--?[a-zA-Z][a-z0-9-]*' >named
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$page" | sed 's/\\-/-/g' |
		grep -oE 'Fl [a-zA-Z-][a-zA-Z0-9-]*' | sed 's/^Fl /-/' >>named
	sed -E 's/^[[ |]//' named | awk '/^--/ { print; next }
		{ for (i = 2; i <= length($0); i++) print "-" substr($0, i, 1) }' | sort -u >used
	is "$tool: SYNOPSIS and Usage name described options" \
		"$(grep -vxE -e '-h|--help|--version' used | comm -23 - options)" ''
	if difference=$(diff in-page options); then
		pass "$tool.1 and --help name the same options"
	else
		fail "$tool.1 and --help name the same options" "< in the page only, > in --help only
$difference"
	fi
done
done_testing
