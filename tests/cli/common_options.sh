# SPDX-License-Identifier: MIT
# What every command promises: help, version, mistakes in usage, a stdout that cannot be written.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

for source in "$TOP"/cmd/avl-*.c; do
	tool=$(basename "$source" .c)

	t "$tool --help" 0 '' -- "$tool" --help
	matches "$tool --help starts with its usage" "^Usage: $tool( |\$)" "$OUT"
	is "$tool --help is 80 columns wide" "$(awk 'length > 80' "$OUT")" ''
	cp "$OUT" help
	t "$tool -h" 0 '' -- "$tool" -h
	same "$tool -h says the same" "$OUT" help

	t "$tool --version" 0 '' -- "$tool" --version
	matches "$tool --version is name and number" "^$tool \\(avl\\) [0-9]+\\.[0-9]+\\.[0-9]+\$" "$OUT"

	for bad in --no-such-option -Y --help=1; do
		t "$tool $bad" 2 "^$tool: .*${bad%%=*}.* \\(try '$tool --help'\\)\$" -- "$tool" "$bad"
		is "$tool $bad leaves stdout alone" "$(cat "$OUT")" ''
	done

	t "$tool --help to a full disk" 1 "^$tool: stdout: No space left on device\$" -- \
		sh -c "$tool --help >/dev/full"
	t "$tool --version to a closed stdout" 1 "^$tool: stdout: Bad file descriptor\$" -- \
		sh -c "$tool --version >&-"
done
done_testing
