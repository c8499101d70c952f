# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests share that kill avl-train; read behind lib.sh. Such a test defines
#
#	run DIRECTORY OPTION...
#
# which becomes avl-train in DIRECTORY, so that in the background it is what a signal reaches. KILLS
# says how many times it is killed.

KILLS=${KILLS:-50}

train() { # DIRECTORY OPTION...
	(run "$@")
}

# ends_the_same LEAST MOST FILE...
# A run in killed/, killed at no particular points, LEAST to MOST seconds after it began or went on,
# ends with the FILEs of one without interruption, in whole/, and no other checkpoint.
ends_the_same() {
	least=$1 most=$2
	shift 2
	mkdir whole killed
	t 'a run without interruption' 0 '' -- train whole
	kills=0 attempt=0
	while [ "$kills" -lt "$KILLS" ] && [ "$attempt" -lt $((4 * KILLS)) ]; do
		attempt=$((attempt + 1))
		run killed -q 2>killed.err &
		pid=$!
		sleep "$(awk -v k=$attempt -v least="$least" -v most="$most" \
			'BEGIN { srand(k); printf "%.4f", least + (most - least) * rand() }')"
		if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
		wait $pid 2>/dev/null
		status=$?
		[ "$status" -ne 0 ] || { # it got to its end: once more from the beginning
			for file; do
				cmp -s "whole/$file" "killed/$file" ||
					fail "run $attempt: $file is as without interruption"
			done
			rm -rf killed
			mkdir killed
		}
	done
	is "$KILLS times killed" "$kills" "$KILLS"
	t 'the rest of the last run' 0 '' -- train killed
	for file; do
		same "$file is as without interruption" "whole/$file" "killed/$file"
	done
	is 'no other checkpoint is left' "$(cd killed && echo ckpt*)" "$(cd whole && echo ckpt*)"
}
