# SPDX-License-Identifier: MIT
# scripts/plot-loss draws what avl-train logs.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

mkhead 8 10 12 >init.safetensors
i=0
while [ "$i" -lt 8 ]; do
	printf 'record r%d\nseal rate_hz 16000\nf4 fs.npy 2x8 random %d\nf4 v.npy 12x2x2 random %d\n' $i $i $i
	i=$((i + 1))
done | mkrecord >data.tar
t 'a log with validation' 0 '' -- avl-train -m init.safetensors --unsup nce --batch 2 --epochs 4 \
	--hold-out 0.25 --log log.tsv -o ckpt data.tar
if have gnuplot; then
	t 'it is drawn' 0 '' -- "$TOP/scripts/plot-loss" log.tsv
	is 'as PNG' "$(head -c 4 "$OUT" | tail -c 3)" PNG
	t 'other columns too' 0 '' -- "$TOP/scripts/plot-loss" log.tsv grad_norm right
	t 'but not any' 1 "there is no column 'colour'" -- "$TOP/scripts/plot-loss" log.tsv colour
	t 'nor none' 1 'nothing to draw' -- "$TOP/scripts/plot-loss" log.tsv sup
else
	skip 'it is drawn' 'gnuplot is not installed'
fi
t_lines 3 'without a log it tells its usage' 1 'usage: scripts/plot-loss' -- "$TOP/scripts/plot-loss"
done_testing
