# SPDX-License-Identifier: MIT
# avl-train: a network in training that is killed at any time goes on to the same bytes, with its
# statistics and moments.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH
KILLS=${KILLS:-50}

i=0
while [ "$i" -lt 8 ]; do
	awk -v i="$i" 'BEGIN {
		printf "record r%d\nu1 frame.npy 40x40x3 =", i
		for (k = 0; k < 97; k++) printf " %d", (k * k * (i + 3) + 29 * k) % 256
		printf "\nf4 fs.npy 2x1024 random %d\n", i
	}'
	i=$((i + 1))
done | mkrecord >data.tar
mknet efficientnet_lite0+yamnet 32 1 sound. >init.safetensors
# run DIRECTORY OPTION...: becomes avl-train, so that a signal reaches it
run() {
	cd "$1" || exit
	shift
	exec avl-train -m ../init.safetensors --unsup nce --freeze sound_fc,image._blocks.1 --batch 4 \
		--epochs 6 --every 2 --keep 1 --lr 1e-4 --augment crop,flip --image-dropout 0.5 --resume \
		--log log.tsv -o ckpt "$@" ../data.tar
}
train() {
	(run "$@")
}
same_files() {
	for file in ckpt ckpt-00000012 log.tsv; do
		cmp -s whole/$file killed/$file || return 1
	done
}
mkdir whole killed
t 'a run without interruption' 0 '' -- train whole
matches 'statistics move' 'image._bn0.running_mean' whole/ckpt
kills=0 attempt=0
while [ "$kills" -lt "$KILLS" ] && [ "$attempt" -lt $((4 * KILLS)) ]; do
	attempt=$((attempt + 1))
	run killed -q 2>killed.err &
	pid=$!
	sleep "$(awk -v k=$attempt 'BEGIN { srand(k); printf "%.4f", 0.02 + 0.4 * rand() }')"
	if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
	wait $pid 2>/dev/null
	status=$?
	[ "$status" -ne 0 ] || { # it got to its end: once more from the beginning
		same_files || fail "run $attempt ends as without interruption"
		rm -rf killed
		mkdir killed
	}
done
is "$KILLS times killed" "$kills" "$KILLS"
t 'the rest of the last run' 0 '' -- train killed
for file in ckpt ckpt-00000012 log.tsv; do
	same "$file is as without interruption" whole/$file killed/$file
done
is 'no other checkpoint is left' "$(cd killed && echo ckpt*)" "$(cd whole && echo ckpt*)"
t 'another variation' 2 'was made with augment 3, not 0' -- train whole --augment none
t 'another statistic' 2 'was made with bn 0, not 1' -- train whole --bn stored
done_testing
